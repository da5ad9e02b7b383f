"""Random weights whose outputs differ clearly between inputs."""

import zlib

import torch


def seed(name):
    """Seeds PyTorch by an export's name, so that each export can be written alone."""
    torch.manual_seed(zlib.crc32(name.encode()))


@torch.no_grad()
def randomize(network, gain=1.0, head_gain=2.0):
    """Draws every weight anew.

    The initial weights of `transformers` (standard deviation 0.02) give nearly equal scores for all labels at 16 hidden
    units, and a case would pass with any input. `gain` scales matrices by fan-in; `head_gain` those of the last layers.
    """
    tables = {id(layer.weight) for layer in network.modules() if isinstance(layer, torch.nn.Embedding)}
    for name, value in network.named_parameters():
        norm = any(part in name.lower() for part in ("norm", "bn", "layer_scale", "lambda_"))
        if value.numel() == 0:
            continue
        if value.dim() <= 1 and norm and name.endswith("weight"):
            value.copy_(1 + 0.1 * torch.randn_like(value))
        elif value.dim() <= 1:
            value.copy_(0.1 * torch.randn_like(value))
        elif id(value) in tables:
            value.copy_(torch.randn_like(value))
        else:
            fan_in = value[0].numel()
            head = any(part in name for part in ("classifier", "qa_outputs", "predictions.decoder", "lm_head"))
            value.copy_(torch.randn_like(value) * (head_gain if head else gain) / fan_in**0.5)
    for name, value in network.named_buffers():
        if name.endswith("running_mean"):
            value.copy_(0.1 * torch.randn_like(value))
        elif name.endswith("running_var"):
            value.copy_(1 + 0.1 * torch.rand_like(value))
    return network.eval()


@torch.no_grad()
def spread(network, batches, deviation=1.5, output="logits", last=0.0):
    """Shifts and scales the last layer so that over `batches` each logit has mean 0 and `deviation`.

    `last` is the mean of the last logit instead: the one for "no object".

    Otherwise a random network gives nearly every input the same first label.
    """
    network.eval()
    answers = [getattr(network(**batch), output) for batch in batches]
    rows = [answer.movedim(1, -1) if answer.dim() == 4 else answer for answer in answers]
    logits = torch.cat([row.reshape(-1, row.shape[-1]) for row in rows])
    head = [layer for layer in network.modules() if _width(layer) == logits.shape[-1]][-1]
    scale = deviation / logits.std(0).clamp(min=1e-3)
    head.weight.mul_(scale.reshape(-1, *[1] * (head.weight.dim() - 1)))
    head.bias.copy_((head.bias - logits.mean(0)) * scale)
    head.bias[-1] += last
    return network


def _width(layer):
    """The outputs of a linear layer or a convolution."""
    return getattr(layer, "out_features", None) or getattr(layer, "out_channels", None)


def encoded(pieces, texts):
    """Each text, or pair of texts, as a batch of one."""
    rows = [text if isinstance(text, tuple) else (text,) for text in texts]
    return [pieces(*row, return_tensors="pt", truncation=True) for row in rows]
