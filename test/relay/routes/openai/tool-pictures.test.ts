import assert from 'node:assert/strict';
import { test } from 'node:test';
import { showPicturesOfTools } from '../../../../relay/routes/openai/tool-pictures.ts';
import type { ChatMessage } from '../../../../shared/protocol/messages.ts';

const gave = (content: string, ...places: number[]): ChatMessage => ({
  content,
  pictures: places.map((at) => ({ at, url: `${content} ${at}` })),
  role: 'tool',
  toolCallId: content,
});
const heard = (toolCallId: string, content: string): ChatMessage => ({ content, role: 'tool', toolCallId });
const said = (role: ChatMessage['role']): ChatMessage => ({ content: 'x', role });

test('what several tools showed is shown before what the user says next, and marked where it stood', () => {
  const own = { at: 1, url: 'own' };
  const told = showPicturesOfTools([
    said('assistant'),
    gave('ab', 1, 2),
    heard('none', 'c'),
    gave('', 0),
    { ...said('user'), pictures: [own] },
    said('user'),
  ]);
  const pictures = [...['ab 1', 'ab 2', ' 0'].map((url) => ({ at: 0, url })), own];
  assert.deepEqual(told, [
    said('assistant'),
    heard('ab', 'a[picture]b[picture]'),
    heard('none', 'c'),
    heard('', '[picture]'),
    { ...said('user'), pictures },
    said('user'),
  ]);
});

test('what tools showed is shown by a message of its own where the user says nothing next', () => {
  const shown = (url: string): ChatMessage => ({ content: '', pictures: [{ at: 0, url }], role: 'user' });
  assert.deepEqual(showPicturesOfTools([gave('a', 0), said('assistant'), said('user'), gave('b', 1)]), [
    heard('a', '[picture]a'),
    shown('a 0'),
    said('assistant'),
    said('user'),
    heard('b', 'b[picture]'),
    shown('b 1'),
  ]);
});
