"""Byte-level BPE whose merges only grow from the start of a word.

Every merge extends a piece that begins with a space or a capital letter. A frequent word inside a sentence
(" capital") is therefore one token, while a lower-case word without a leading space ("stone") is spelled letter by
letter: the demo model can reverse and copy words it has never seen. The result is an ordinary `tokenizer.json`.
"""

import collections
import functools
import json

import regex

# The pattern of GPT-2's ByteLevel pre-tokenizer.
WORDS = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
DIGITS = regex.compile(r"[0-9]|[^0-9]+")


@functools.cache
def byte_alphabet():
    """Map each of the 256 bytes to the printable character that stands for it."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    return {**{byte: chr(byte) for byte in printable}, **{byte: chr(256 + i) for i, byte in enumerate(rest)}}


def pre_tokenize(text):
    """Split text into words of the byte alphabet, digits one by one."""
    alphabet = byte_alphabet()
    words = []
    for piece in DIGITS.findall(text):
        parts = [piece] if piece in "0123456789" else WORDS.findall(piece)
        words += ["".join(alphabet[byte] for byte in part.encode()) for part in parts]
    return words


class BytePair:
    """A trained tokenizer: special tokens first, then the 256 bytes, then the merged pieces."""

    def __init__(self, specials, merges):
        self.specials = list(specials)
        self.merges = [tuple(merge) for merge in merges]
        pieces = [*self.specials, *byte_alphabet().values(), *(left + right for left, right in self.merges)]
        self.vocab = {piece: index for index, piece in enumerate(pieces)}
        self._special_pattern = regex.compile("(" + "|".join(regex.escape(token) for token in self.specials) + ")")
        self._rank = {merge: rank for rank, merge in enumerate(self.merges)}
        self._last = len(self.merges)
        self._known = {}

    def encode(self, text):
        """Token ids of a text; special tokens in it are recognised."""
        ids = []
        for part in self._special_pattern.split(text):
            if part in self.specials:
                ids.append(self.vocab[part])
            elif part:
                ids += [index for word in pre_tokenize(part) for index in self._encode_word(word)]
        return ids

    def _encode_word(self, word):
        """Ids of one word: the earliest learned merge first, until none applies."""
        if word not in self._known:
            pieces = list(word)
            while True:
                ranks = [self._rank.get(pair, self._last) for pair in zip(pieces, pieces[1:])]
                if min(ranks, default=self._last) == self._last:
                    break
                i = ranks.index(min(ranks))
                pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
            self._known[word] = [self.vocab[piece] for piece in pieces]
        return self._known[word]

    def decode(self, ids):
        """The text of token ids, special tokens left out."""
        byte_of = {char: byte for byte, char in byte_alphabet().items()}
        names = list(self.vocab)
        chars = "".join(names[i] for i in ids if i >= len(self.specials))
        return bytes(byte_of[char] for char in chars).decode("utf-8", "replace")

    def to_json(self):
        """The content of `tokenizer.json`."""
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [added_token(i, token) for i, token in enumerate(self.specials)],
            "normalizer": None,
            "pre_tokenizer": {
                "type": "Sequence",
                "pretokenizers": [
                    {"type": "Digits", "individual_digits": True},
                    {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
                ],
            },
            "post_processor": None,
            "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": "",
                "end_of_word_suffix": "",
                "fuse_unk": False,
                "byte_fallback": False,
                "ignore_merges": False,
                "vocab": self.vocab,
                "merges": [f"{left} {right}" for left, right in self.merges],
            },
        }


def added_token(index, content):
    """One special token as `tokenizer.json` lists it."""
    return {
        "id": index,
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def may_grow(piece):
    """Whether a piece may take part in a merge: it begins with a space or is a capitalised word's start."""
    space = byte_alphabet()[ord(" ")]
    return piece[0] == space or ("A" <= piece[0] <= "Z")


def train_byte_pair(texts, specials, vocab_size):
    """Learn merges greedily by frequency until the vocabulary has `vocab_size` pieces."""
    words = collections.Counter(word for text in texts for word in pre_tokenize(text) if may_grow(word))
    grown = dict.fromkeys(words, 1)
    merges = []
    while len(merges) < vocab_size - 256 - len(specials):
        counts = collections.Counter()
        for word, count in words.items():
            if grown[word] < len(word):
                counts[(word[: grown[word]], word[grown[word]])] += count
        if not counts:
            break
        merge = max(counts.items(), key=lambda item: (item[1], item[0]))[0]
        merges.append(merge)
        for word, length in grown.items():
            if length < len(word) and (word[:length], word[length]) == merge:
                grown[word] += 1
    return BytePair(specials, merges)


def save(tokenizer, path):
    """Write a tokenizer so that `load` and transformers.js can read it."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump(tokenizer.to_json(), file, ensure_ascii=False, separators=(",", ":"))


def load(path):
    """Read a tokenizer written by `save`."""
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    merges = [merge.split(" ") for merge in content["model"]["merges"]]
    return BytePair([token["content"] for token in content["added_tokens"]], merges)
