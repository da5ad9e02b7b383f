"""Small tokenizers, of the classes and with the files that real checkpoints have."""

import json
import tempfile
from collections import Counter

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    AlbertTokenizerFast,
    BertTokenizerFast,
    CLIPTokenizerFast,
    DebertaV2TokenizerFast,
    DistilBertTokenizerFast,
    ElectraTokenizerFast,
    MPNetTokenizerFast,
    RobertaTokenizerFast,
    SiglipTokenizer,
    XLMRobertaTokenizerFast,
)

from . import corpus

WORDPIECE_SIZE = 260
MAX_LENGTH = 64


def wordpiece(tokenizer_class=BertTokenizerFast, lowercase=True, max_length=MAX_LENGTH):
    """WordPiece as BERT has it: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + _pieces(lowercase)
    with tempfile.TemporaryDirectory() as folder:
        _write_lines(f"{folder}/vocab.txt", vocabulary[:WORDPIECE_SIZE])
        return tokenizer_class(vocab_file=f"{folder}/vocab.txt", do_lower_case=lowercase, model_max_length=max_length)


def _pieces(lowercase):
    """Characters, word endings and the most frequent words; the trainer's own order differs from run to run."""
    normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    split = pre_tokenizers.BertPreTokenizer()
    words = Counter()
    for text in corpus.ENGLISH + corpus.TRAINING + corpus.ACCENTED:
        words.update(word for word, _ in split.pre_tokenize_str(normalizer.normalize_str(text)))
    characters = sorted({c for word in words for c in word})
    endings = ["s", "ed", "er", "ing", "es", "ly", "ion", "er", "en", "th", "st", "al"]
    pieces = characters + ["##" + c for c in characters if c.isalnum()] + ["##" + e for e in endings[1:]]
    pieces += [word for word, _ in sorted(words.items(), key=lambda item: (-item[1], item[0]))]
    return list(dict.fromkeys(pieces))


def _write_lines(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def distilbert(**options):
    """DistilBERT's: WordPiece whose encodings have no `token_type_ids`."""
    return wordpiece(DistilBertTokenizerFast, **options)


def electra(**options):
    """ELECTRA's: the same pieces as BERT's."""
    return wordpiece(ElectraTokenizerFast, **options)


def byte_level(max_length=MAX_LENGTH, merges=90, add_prefix_space=False):
    """Byte-level BPE as RoBERTa has it: <s> 0, <pad> 1, </s> 2, <unk> 3; no `token_type_ids`."""
    special = ["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)]
    with tempfile.TemporaryDirectory() as folder:
        _train_byte_level(folder, special[:4] + ["<mask>"], 261 + merges)
        return RobertaTokenizerFast(
            vocab_file=f"{folder}/vocab.json",
            merges_file=f"{folder}/merges.txt",
            mask_token=special[4],
            add_prefix_space=add_prefix_space,
            model_max_length=max_length,
        )


def _train_byte_level(folder, special, size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus.ALL + corpus.TRAINING, trainer)
    tokenizer.model.save(folder)


def mpnet(max_length=MAX_LENGTH):
    """MPNet's: BERT's pieces between RoBERTa's special tokens; <s> 0, <pad> 1, </s> 2, <unk> 3, <mask> last."""
    vocabulary = (["<s>", "<pad>", "</s>", "<unk>", "[UNK]"] + _pieces(True))[: WORDPIECE_SIZE - 1] + ["<mask>"]
    with tempfile.TemporaryDirectory() as folder:
        _write_lines(f"{folder}/vocab.txt", vocabulary)
        return MPNetTokenizerFast(vocab_file=f"{folder}/vocab.txt", model_max_length=max_length)


# Rules of a small character map in SentencePiece's form: source code points, target code points.
# Real checkpoints hold the map of NFKC, which alone takes 300 kB in tokenizer.json.
CHARACTER_MAP = "\n".join(
    ["FF21\t41", "FF22\t42", "FF11\t31", "FB01\t66 69", "A0\t20", "3000\t20", "2026\t2E 2E 2E", "2122\t54 4D"]
)


def _sentencepiece(folder, size, pieces, lowercase=False, normalization=None):
    """Trains a unigram model with SentencePiece itself; `pieces` are the ids of pad, unk, bos and eos."""
    with open(f"{folder}/corpus.txt", "w", encoding="utf-8") as file:
        file.write("\n".join((corpus.ALL + corpus.TRAINING) * 2))
    options = dict(pieces)
    if normalization:
        options["normalization_rule_name"] = normalization
    else:
        rules = CHARACTER_MAP
        if lowercase:
            rules += "".join(f"\n{ord(c):X}\t{ord(c.lower()):X}" for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        with open(f"{folder}/rules.tsv", "w", encoding="utf-8") as file:
            file.write(rules + "\n")
        options["normalization_rule_tsv"] = f"{folder}/rules.tsv"
    sentencepiece.SentencePieceTrainer.train(
        input=f"{folder}/corpus.txt",
        model_prefix=f"{folder}/spiece",
        vocab_size=size,
        model_type="unigram",
        character_coverage=1.0,
        minloglevel=2,
        num_threads=1,
        **options,
    )
    return f"{folder}/spiece.model"


def xlm_roberta(size=240, max_length=MAX_LENGTH, normalization=None):
    """XLM-RoBERTa's: a unigram model behind a character map; <s> 0, <pad> 1, </s> 2, <unk> 3."""
    with tempfile.TemporaryDirectory() as folder:
        ids = dict(unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
        model = _sentencepiece(folder, size, ids, normalization=normalization)
        return XLMRobertaTokenizerFast(vocab_file=model, model_max_length=max_length)


def albert(size=200, max_length=MAX_LENGTH):
    """ALBERT's: a unigram model, in lower case, without accents; <pad> 0, <unk> 1, [CLS] 2, [SEP] 3, [MASK] 4."""
    with tempfile.TemporaryDirectory() as folder:
        ids = dict(pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]", "[MASK]"])
        model = _sentencepiece(folder, size, ids, lowercase=True)
        return AlbertTokenizerFast(vocab_file=model, model_max_length=max_length)


def deberta_v2(size=240, max_length=MAX_LENGTH):
    """DeBERTa-v2's: a unigram model that keeps case; [PAD] 0, [CLS] 1, [SEP] 2, [UNK] 3, [MASK] after the last."""
    with tempfile.TemporaryDirectory() as folder:
        ids = dict(pad_id=0, bos_id=1, eos_id=2, unk_id=3)
        ids.update(pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]")
        model = _sentencepiece(folder, size, ids)
        return DebertaV2TokenizerFast(vocab_file=model, model_max_length=max_length)


def siglip(max_length):
    """SigLIP's: a unigram model in lower case and without punctuation; no special token but </s>, which also pads."""
    with tempfile.TemporaryDirectory() as folder:
        ids = dict(pad_id=-1, bos_id=-1, eos_id=1, unk_id=2, pad_piece="<pad>", control_symbols=["<pad>"])
        model = _sentencepiece(folder, 200, ids, normalization="identity")
        return SiglipTokenizer(vocab_file=model, model_max_length=max_length, model_input_names=["input_ids"])


def clip(merges=60, max_length=32):
    """CLIP's: BPE in lower case whose words end in </w>, between <|startoftext|> and <|endoftext|>."""
    start, end = "<|startoftext|>", "<|endoftext|>"
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=512 + merges,
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
        show_progress=False,
        special_tokens=[letter + "</w>" for letter in sorted(alphabet)],
    )
    tokenizer.train_from_iterator(corpus.ENGLISH + ["a photo of a cat and a dog"] * 3, trainer)
    with tempfile.TemporaryDirectory() as folder:
        vocabulary = tokenizer.get_vocab()
        for token in (start, end):
            vocabulary[token] = len(vocabulary)
        merges_of = json.loads(tokenizer.to_str())["model"]["merges"]
        _write_lines(f"{folder}/vocab.json", [json.dumps(vocabulary, ensure_ascii=False)])
        _write_lines(f"{folder}/merges.txt", ["#version: 0.2"] + merges_of)
        return CLIPTokenizerFast(
            vocab_file=f"{folder}/vocab.json", merges_file=f"{folder}/merges.txt", model_max_length=max_length
        )
