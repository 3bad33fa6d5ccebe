import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { filesInFolder } from '../../../../main/headless/inference/folder-files.ts';
import type { ChatInput, ChatMessage, FetchedPictures } from '../../../../shared/protocol/messages.ts';
import { type LoadedModel, loadModel } from '../../../../shared/runtimes/transformers/engine.ts';
import { writeBigramModel } from '../../../support/models/bigram-model.ts';
import { chatInput } from '../../../support/models/pretended-model.ts';
import {
  PICTURE_CHAT_FORMS,
  PICTURE_MARKS,
  writePictureChat,
} from '../../../support/models/task-models/picture-chat-model.ts';
import { BLUE, GREEN, paint, pictureFile, RED, type Rgb } from '../../../support/pictures.ts';
import { isProblem } from '../../../support/problems.ts';
import { collectOutput } from '../../../support/runtimes/runtime-fixtures.ts';
import { sharedFolder, temporaryFolder } from '../../../support/temporary-folder.ts';

const OPTIONS = { dtype: 'fp32', device: 'cpu', threads: 1 };

/** A data URL of a picture in four quarters, of any size: what the model sees is brought to 8 by 8. */
async function quarters(colours: readonly [Rgb, Rgb, Rgb, Rgb], side = 8): Promise<string> {
  const half = side / 2;
  const at = (x: number, y: number): Rgb => colours[(y < half ? 0 : 2) + (x < half ? 0 : 1)] ?? RED;
  return `data:image/png;base64,${await pictureFile(paint(side, side, at))}`;
}

for (const form of PICTURE_CHAT_FORMS) {
  describe(`a model of the kind of ${form}`, () => {
    const root = sharedFolder();
    let model: LoadedModel;

    before(async () => {
      model = await loadModel(filesInFolder(await writePictureChat(root, 'test/sees', form)), OPTIONS);
    });
    after(async () => {
      await model?.dispose();
    });

    async function ask(messages: ChatMessage[], more: Partial<ChatInput> = {}, fetched: FetchedPictures = {}) {
      const output = collectOutput();
      const input = { ...chatInput('', more), messages };
      const result = await model.run({ type: 'llm', model: 'any', input, fetched }, output, () => false);
      return { ...result, text: output.texts[0] ?? '', texts: output.texts };
    }

    test('says what it sees, in the order in which it is shown', async () => {
      const first = { at: 4, url: await quarters([RED, GREEN, BLUE, RED]) };
      const second = { at: 9, url: await quarters([GREEN, GREEN, RED, BLUE], 64) };
      const one = await ask([{ role: 'user', content: 'See?', pictures: [first] }]);
      assert.equal(one.text, ' red green blue red');
      assert.deepEqual([one.finishReason, one.usage.outputTokens], ['stop', 4]);
      const both = await ask([
        { role: 'user', content: 'See? And ', pictures: [first, second] },
        { role: 'assistant', content: 'Yes.' },
        { role: 'user', content: 'Again', pictures: [{ ...first, at: 0 }] },
      ]);
      assert.equal(both.text, ' red green blue red green green red blue red green blue red');
      // Each picture is four tokens, and those that some models put around it.
      assert.ok(both.usage.inputTokens - one.usage.inputTokens >= 8);
    });

    test('sees what is shown in two messages in a row, though its template wants turns', async () => {
      const [first, second] = [await quarters([RED, GREEN, BLUE, RED]), await quarters([GREEN, GREEN, RED, BLUE])];
      const { text } = await ask([
        { role: 'user', content: 'See?', pictures: [{ at: 4, url: first }] },
        { role: 'user', content: 'And  this?', pictures: [{ at: 4, url: second }] },
      ]);
      assert.equal(text, ' red green blue red green green red blue');
      const words = (await ask([{ role: 'user', content: 'a\n\nb' }])).usage;
      const rows = await ask(['a', 'b'].map((content) => ({ role: 'user' as const, content })));
      assert.deepEqual([rows.text, rows.usage], [' none', words]);
    });

    test('answers two chats at a time, each with what it was shown', async () => {
      const chats = [[RED, GREEN, BLUE, RED] as const, [BLUE, BLUE, GREEN, GREEN] as const].map(async (colours) => {
        const pictures = [{ at: 0, url: await quarters(colours) }];
        return (await ask([{ role: 'user', content: '', pictures }])).text;
      });
      assert.deepEqual(await Promise.all(chats), [' red green blue red', ' blue blue green green']);
    });

    test('answers without a picture as well', async () => {
      const { text } = await ask([{ role: 'user', content: 'See?' }]);
      assert.equal(text, ' none');
    });

    test('is held to what is asked of an answer', async () => {
      const picture = { at: 0, url: await quarters([RED, GREEN, BLUE, RED]) };
      const messages: ChatMessage[] = [{ role: 'user', content: '', pictures: [picture] }];
      const short = await ask(messages, { maxTokens: 2 });
      assert.deepEqual([short.text, short.finishReason], [' red green', 'length']);
      const stopped = await ask(messages, { stop: ['blue'] });
      assert.deepEqual([stopped.text, stopped.finishReason], [' red green ', 'stop']);
      const format = { type: 'choice' as const, choices: [' blue', ' red blue', ' red green'] };
      const chosen = await ask(messages, { format, choices: 2 });
      assert.deepEqual(chosen.texts, [' red green', ' red green']);
    });

    test('ends with the token at which it is interrupted', async () => {
      const pictures = [{ at: 0, url: await quarters([RED, GREEN, BLUE, RED]) }];
      const input = { ...chatInput(''), messages: [{ role: 'user' as const, content: '', pictures }] };
      const output = collectOutput();
      const asked = model.run({ type: 'llm', model: 'any', input }, output, () => output.tokens >= 2);
      assert.equal((await asked).usage.outputTokens, 2);
      assert.equal(output.texts[0], ' red green');
    });

    test('[J14] sees what was fetched, and opens no address', async () => {
      const url = 'https://pictures.example/a.png';
      const messages: ChatMessage[] = [{ role: 'user', content: '', pictures: [{ at: 0, url }] }];
      const [, file = ''] = (await quarters([BLUE, BLUE, BLUE, GREEN])).split(',');
      assert.equal((await ask(messages, {}, { [url]: file })).text, ' blue blue blue green');
      await assert.rejects(ask(messages), isProblem('invalid_value', /opens no address/));
      await assert.rejects(ask(messages, {}, { [url]: 'AAAA' }), isProblem('unsupported_media', /png/));
      const [cut] = [file.slice(0, 60)];
      await assert.rejects(ask(messages, {}, { [url]: cut }), isProblem('invalid_image', /broken/));
    });

    test('does not take a text for a picture', async () => {
      const picture = { at: 0, url: await quarters([RED, GREEN, BLUE, RED]) };
      const { shown, token } = PICTURE_MARKS[form];
      const shownOne: ChatMessage = { role: 'user', content: '', pictures: [picture] };
      const { text } = await ask([shownOne]);
      for (const mark of [shown, token]) {
        for (const at of [0, mark.length]) {
          const named = await ask([{ ...shownOne, content: mark, pictures: [{ ...picture, at }] }]);
          assert.equal(named.text, text);
        }
        const forged = ask([{ role: 'system', content: `a ${mark} of` }, shownOne]);
        await assert.rejects(forged, isProblem('invalid_value', /stands for a picture/));
      }
    });
  });
}

test('[J14] a model that reads text only refuses a picture', async (t) => {
  const folder = await writeBigramModel(temporaryFolder(t), 'test/blind', { transitions: {} });
  const model = await loadModel(filesInFolder(folder), OPTIONS);
  t.after(() => model.dispose());
  const pictures = [{ at: 0, url: await quarters([RED, RED, RED, RED]) }];
  const input = { ...chatInput(''), messages: [{ role: 'user' as const, content: '', pictures }] };
  const asked = model.run({ type: 'llm', model: 'any', input }, collectOutput(), () => false);
  await assert.rejects(asked, isProblem('unsupported_content', /text only/));
});
