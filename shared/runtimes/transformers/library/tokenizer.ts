import type { PreTrainedTokenizer } from '@huggingface/transformers';
import type { VocabularySource } from '../../constraints/vocabulary.ts';
import { isJsonObject, type JsonObject, type ModelFiles } from '../model-files.ts';

/** A message as chat templates read it; its further members are theirs, but for the places of its pictures. */
export type TemplateMessage = { role: string; content: string; pictures?: readonly number[] } & JsonObject;

export type TemplateTools = readonly JsonObject[] | null;

/** What else a template reads, by the name that it has there. */
export type TemplateVariables = Readonly<Record<string, unknown>>;

/** How a prompt is made that says more than its messages: what its template reads, and what follows the text that it makes. */
export type PromptCompletion = { readonly variables: TemplateVariables; endOf(text: string): string };

/** Text to token ids and back. */
export type Tokenizer = {
  encode(text: string, addSpecialTokens: boolean): number[];
  /** A text that `encodeChat` takes for nothing but words: what would be a special token has seams in it. */
  asWords(text: string): string;
  /** Text of `ids` (at least one) exactly as they stand; the caller has left special tokens out. */
  decode(ids: number[]): string;
  /** The conversation in the model's own prompt format; `null` when the model has none. */
  encodeChat(messages: readonly TemplateMessage[], tools: TemplateTools, more?: TemplateVariables): number[] | null;
  /** The same as text. */
  renderChat(messages: readonly TemplateMessage[], tools: TemplateTools, more?: TemplateVariables): string | null;
  /** The chat template that `encodeChat` uses. */
  readonly template: string | null;
  /** What the tokenizer's files say of its tokens; takes a moment, and is asked once. */
  readVocabulary(): VocabularySource;
  readonly specialIds: ReadonlySet<number>;
  readonly padId: number;
};

/** Between two pieces of a text that are read apart. By Unicode it is no character, and no text has it. */
const SEAM = '\ufdd0';

/** For whatever reads a text as a whole: a space in each mark takes its meaning from it, too. */
export function withoutSeams(text: string): string {
  return text.replaceAll(SEAM, ' ');
}

/** Newer models keep their template in a file of its own, which the library does not read. */
export async function readTemplate(files: ModelFiles): Promise<string | null> {
  const file = await files.open('chat_template.jinja');
  return file !== null && 'bytes' in file ? new TextDecoder().decode(file.bytes) : null;
}

export function wrapTokenizer(tokenizer: PreTrainedTokenizer, templateFile: string | null): Tokenizer {
  const own: unknown = tokenizer.chat_template;
  const hasOwnTemplate = own !== null;
  // Some models have several under names, and one of them for tools.
  const named = isJsonObject(own) ? (own.tool_use ?? own.default) : own;
  const renderChat: Tokenizer['renderChat'] = (messages, tools, more = {}) =>
    !hasOwnTemplate && templateFile === null
      ? null
      : (tokenizer.apply_chat_template([...messages], {
          ...more,
          add_generation_prompt: true,
          tokenize: false,
          ...(tools === null ? {} : { tools: [...tools] }),
          ...(hasOwnTemplate ? {} : { chat_template: templateFile }),
        }) as string);
  const encode = (text: string, addSpecialTokens: boolean): number[] =>
    tokenizer.encode(text, { add_special_tokens: addSpecialTokens });
  return {
    encode,
    asWords: seamer(specialTexts(tokenizer)),
    // Clean-up would change text that was already sent when the next token arrives.
    decode: (ids) => tokenizer.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false }),
    encodeChat(...asked) {
      const text = renderChat(...asked);
      if (text === null) return null;
      const pieces = text.split(SEAM).filter((piece) => piece !== '');
      return pieces.flatMap((piece) => encode(piece, false));
    },
    renderChat,
    template: typeof named === 'string' ? named : templateFile,
    readVocabulary: () => readVocabulary(tokenizer),
    specialIds: new Set(tokenizer.all_special_ids as number[]),
    padId: tokenizer.pad_token_id ?? 0,
  };
}

function specialTexts(tokenizer: PreTrainedTokenizer): string[] {
  const added = [...tokenizer._tokenizer.get_added_tokens_decoder().values()];
  return added.filter(({ special }) => special).map(({ content }) => content);
}

/** Texts of one character cannot be taken apart. */
function seamer(specials: readonly string[]): (text: string) => string {
  const divisible = specials.filter((special) => [...special].length > 1).sort((a, b) => b.length - a.length);
  if (divisible.length === 0) return (text) => text;
  const any = new RegExp(divisible.map((special) => special.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'), 'gu');
  return (text) => {
    let worded = text;
    // What is behind a seam may be another of them, as the last two of three brackets.
    while (worded.search(any) !== -1) {
      worded = worded.replace(any, ([first = '', ...rest]) => `${first}${SEAM}${rest.join('')}`);
    }
    return worded;
  };
}

function readVocabulary(tokenizer: PreTrainedTokenizer): VocabularySource {
  const names: (string | undefined)[] = [];
  for (const [name, id] of tokenizer.get_vocab()) names[id] = name;
  const added = new Map<number, { text: string; isSpecial: boolean }>();
  for (const [id, token] of tokenizer._tokenizer.get_added_tokens_decoder()) {
    names[id] = token.content;
    added.set(id, { text: token.content, isSpecial: token.special });
  }
  // From here on no place is missing.
  const file: unknown = tokenizer._tokenizerJSON;
  const decoder = isJsonObject(file) ? JSON.stringify(file.decoder ?? null) : '';
  const dropsFirstSpace = /"(Strip|Metaspace)"/.test(decoder);
  return { names: Array.from(names), naming: namingOf(decoder), dropsFirstSpace, added };
}

function namingOf(decoder: string): VocabularySource['naming'] {
  if (decoder.includes('"ByteLevel"')) return 'byte-level';
  return /"(ByteFallback|Metaspace)"|"▁"/.test(decoder) ? 'byte-fallback' : 'unknown';
}
