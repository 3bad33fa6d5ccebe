import { Problem } from '../../../problems/problem.ts';
import type { ChatInput, FetchedPictures } from '../../../protocol/messages.ts';
import { decodeBase64 } from '../../media/media-bytes.ts';
import type { LanguageModel, PicturePrompt } from '../library/language-model.ts';
import { completionOf, encodePrompt, type PromptFormats, tellModel } from './prompt.ts';

const NOTHING_FETCHED: FetchedPictures = {};

/**
 * The prompt of a conversation, with the pictures in it. `fetched` are those behind addresses; none is opened here.
 *
 * Errors: `unsupported_content` where the model reads text only, `invalid_value` for a picture without its file or a
 * conversation that the template refuses, `unsupported_media` and `invalid_image`.
 */
export async function readPrompt(
  model: LanguageModel,
  input: ChatInput,
  formats: PromptFormats,
  fetched: FetchedPictures = NOTHING_FETCHED,
): Promise<{ ids: number[]; shown?: PicturePrompt['shown'] }> {
  const pictures = input.messages.flatMap((message) => message.pictures ?? []);
  if (pictures.length === 0) return { ids: encodePrompt(model.tokenizer, input, formats) };
  if (model.readPictures === undefined) {
    throw new Problem('unsupported_content', 'This model reads text only. Choose one that reads pictures.', {
      param: 'messages',
    });
  }
  const { told, declared } = tellModel(input, formats.tools, model.tokenizer);
  const files = pictures.map(({ url }) => fileOf(url, fetched));
  return await model.readPictures(told, declared, files, completionOf(input, formats));
}

function fileOf(url: string, fetched: FetchedPictures): Uint8Array {
  const file = Object.hasOwn(fetched, url) ? fetched[url] : undefined;
  if (file !== undefined) return decodeBase64(file, 'messages');
  if (/^data:/i.test(url)) return decodeBase64(url, 'messages');
  throw new Problem('invalid_value', 'A picture came without its file, and a node opens no address.', {
    param: 'messages',
  });
}
