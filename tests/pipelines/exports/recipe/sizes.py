"""Sizes of the networks: one or two layers of 16 hidden units."""

BERT = dict(
    hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, max_position_embeddings=64
)
ROBERTA = dict(BERT, max_position_embeddings=66, pad_token_id=1, bos_token_id=0, eos_token_id=2)
VIT = dict(
    hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8
)
DISTILBERT = dict(dim=16, n_layers=1, n_heads=2, hidden_dim=32, max_position_embeddings=64)


def labels(*names):
    """The two maps of labels in config.json."""
    return dict(id2label=dict(enumerate(names)), label2id={name: i for i, name in enumerate(names)})
