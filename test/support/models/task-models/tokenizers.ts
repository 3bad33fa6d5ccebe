/** A tokenizer whose tokens are whole words between spaces. */
export type WordTokenizer = {
  /** Token ids by words, special ones included. */
  readonly ids: ReadonlyMap<string, number>;
  readonly files: { 'tokenizer.json': object; 'tokenizer_config.json': object };
};

const BERT_SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const T5_SPECIAL = ['<pad>', '</s>', '<unk>'];

/** As BERT's: `[CLS] a [SEP]`, `[CLS] a [SEP] b [SEP]`, whose second part has the type 1. */
export function bertTokenizer(words: readonly string[]): WordTokenizer {
  return wordTokenizer(words, BERT_SPECIAL, '[UNK]', {
    post_processor: {
      type: 'TemplateProcessing',
      single: [special('[CLS]'), sequence('A'), special('[SEP]')],
      pair: [special('[CLS]'), sequence('A'), special('[SEP]'), sequence('B', 1), special('[SEP]', 1)],
      special_tokens: { '[CLS]': named('[CLS]', 2), '[SEP]': named('[SEP]', 3) },
    },
    config: {
      tokenizer_class: 'BertTokenizer',
      pad_token: '[PAD]',
      unk_token: '[UNK]',
      cls_token: '[CLS]',
      sep_token: '[SEP]',
      mask_token: '[MASK]',
      model_max_length: 64,
    },
  });
}

/** As T5's: a text ends with `</s>`. Further special tokens stand in texts as they are. */
export function t5Tokenizer(words: readonly string[], furtherSpecial: readonly string[] = []): WordTokenizer {
  return wordTokenizer(words, [...T5_SPECIAL, ...furtherSpecial], '<unk>', {
    post_processor: {
      type: 'TemplateProcessing',
      single: [sequence('A'), special('</s>')],
      pair: [sequence('A'), special('</s>'), sequence('B'), special('</s>')],
      special_tokens: { '</s>': named('</s>', 1) },
    },
    config: {
      tokenizer_class: 'T5Tokenizer',
      pad_token: '<pad>',
      eos_token: '</s>',
      unk_token: '<unk>',
      model_max_length: 64,
    },
  });
}

type Rest = { post_processor: object; config: object };

function wordTokenizer(
  words: readonly string[],
  specials: readonly string[],
  unknown: string,
  { post_processor, config }: Rest,
): WordTokenizer {
  const ids = new Map([...new Set([...specials, ...words])].map((word, id) => [word, id]));
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => ({ ...addedToken(content, id), special: true })),
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor,
    decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
    model: {
      type: 'WordPiece',
      unk_token: unknown,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(ids),
    },
  };
  return { ids, files: { 'tokenizer.json': tokenizer, 'tokenizer_config.json': config } };
}

/** Characters as a model of speech writes them: a blank, and `|` between words. */
export function characterTokenizer(characters: readonly string[]): WordTokenizer {
  const specials = ['<pad>', '<s>', '</s>', '<unk>'];
  const ids = new Map([...specials, ...characters].map((character, id) => [character, id]));
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    // The blank is no special token: it would be gone before doubled letters are told apart.
    added_tokens: specials.map((content, id) => ({ ...addedToken(content, id), special: id === 1 || id === 2 })),
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'CTC', pad_token: '<pad>', word_delimiter_token: '|', cleanup: true },
    model: { type: 'BPE', vocab: Object.fromEntries(ids), merges: [], unk_token: '<unk>' },
  };
  const config = { tokenizer_class: 'Wav2Vec2CTCTokenizer', pad_token: '<pad>', unk_token: '<unk>' };
  return { ids, files: { 'tokenizer.json': tokenizer, 'tokenizer_config.json': config } };
}

function addedToken(content: string, id: number): object {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false };
}

function special(id: string, type_id = 0): object {
  return { SpecialToken: { id, type_id } };
}

function sequence(id: string, type_id = 0): object {
  return { Sequence: { id, type_id } };
}

function named(id: string, token: number): object {
  return { id, ids: [token], tokens: [id] };
}
