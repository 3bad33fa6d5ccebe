"""A WordPiece tokenizer: known words whole, all others in single characters, like BertTokenizer (uncased)."""

import re
import string
import unicodedata

from byte_pair import added_token

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNKNOWN, START, STOP = range(4)
CHARACTERS = string.ascii_lowercase + string.digits
PUNCTUATION = string.punctuation
LONGEST_WORD = 100
# Each of these is a word of its own to BertTokenizer (`handle_chinese_chars`).
IDEOGRAPHS = "\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f"


class WordPiece:
    """Vocabulary: special tokens, single characters, their continuations (##a), punctuation, whole words."""

    def __init__(self, words):
        pieces = [*SPECIALS, *CHARACTERS, *(f"##{char}" for char in CHARACTERS), *PUNCTUATION]
        pieces += [word for word in words if word not in CHARACTERS]
        self.vocab = {piece: index for index, piece in enumerate(pieces)}

    def encode(self, text, spelled=lambda word: False):
        """Token ids of a text between [CLS] and [SEP]; `spelled` says which words to take letter by letter."""
        plain = unicodedata.normalize("NFD", text.lower())
        plain = "".join(char for char in plain if unicodedata.category(char) != "Mn")
        plain = re.sub(f"[{IDEOGRAPHS}]", r" \g<0> ", plain)
        words = re.findall(rf"[{re.escape(PUNCTUATION)}]|[^\s{re.escape(PUNCTUATION)}]+", plain)
        return [START, *(index for word in words for index in self._encode_word(word, spelled(word))), STOP]

    def _encode_word(self, word, spelled):
        """Ids of one word: the longest known piece first, or single characters; [UNK] when a character is unknown."""
        ids, start = [], 0
        while start < len(word):
            prefix = "##" if start else ""
            ends = [start + 1] if spelled else range(len(word), start, -1)
            end = next((end for end in ends if prefix + word[start:end] in self.vocab), None)
            if end is None or len(word) > LONGEST_WORD:
                return [UNKNOWN]
            ids.append(self.vocab[prefix + word[start:end]])
            start = end
        return ids

    def to_json(self):
        """The content of `tokenizer.json`."""
        start, stop = ({"SpecialToken": {"id": token, "type_id": 0}} for token in ("[CLS]", "[SEP]"))
        first, second = ({"Sequence": {"id": name, "type_id": i}} for i, name in enumerate("AB"))
        last = {"SpecialToken": {"id": "[SEP]", "type_id": 1}}
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [added_token(i, token) for i, token in enumerate(SPECIALS)],
            "normalizer": {
                "type": "BertNormalizer",
                "clean_text": True,
                "handle_chinese_chars": True,
                "strip_accents": None,
                "lowercase": True,
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [start, first, stop],
                "pair": [start, first, stop, second, last],
                "special_tokens": {
                    token: {"id": token, "ids": [self.vocab[token]], "tokens": [token]} for token in ("[CLS]", "[SEP]")
                },
            },
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
            "model": {
                "type": "WordPiece",
                "unk_token": "[UNK]",
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": LONGEST_WORD,
                "vocab": self.vocab,
            },
        }
