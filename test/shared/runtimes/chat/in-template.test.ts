import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PreTrainedTokenizer } from '@huggingface/transformers';
import { Problem } from '../../../../shared/problems/problem.ts';
import { inTemplate } from '../../../../shared/runtimes/transformers/chat/in-template.ts';
import { type TemplateMessage, wrapTokenizer } from '../../../../shared/runtimes/transformers/library/tokenizer.ts';

const MODEL = new URL('../../../../shared/models/sparewatt/demo-chat/', import.meta.url);
const readJson = (name: string): object => JSON.parse(readFileSync(new URL(name, MODEL), 'utf8'));
const [tokenizerJson, config] = [readJson('tokenizer.json'), readJson('tokenizer_config.json')];

/** A turn as `role(content)`, with `!` behind a call. */
const TURN = "{{ m['role'] ~ '(' ~ m['content'] ~ ')' }}{% if m['tool_calls'] %}!{% endif %}";
const turns = (before: string): string => `{% for m in messages %}${before}${TURN}{% endfor %}`;
const CALLS_APART = "m['role'] != 'tool' and not m['tool_calls']";
/** The rules of families of models, each in its own words. */
const TEMPLATES = {
  anything: turns(''),
  // Qwen3.5
  beginning: turns(
    "{% if m['role'] == 'system' and not loop.first %}{{ raise_exception('system comes first') }}{% endif %}",
  ),
  // Gemma 2 and the first of Mistral's
  alternating: turns(
    "{% if m['role'] == 'system' or (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('must alternate') }}{% endif %}",
  ),
  // Ministral: a system, and turns that alternate but for calls and their results
  apart: `{% set n = namespace(i=0) %}${turns(
    `{% if m['role'] == 'system' and not loop.first %}{{ raise_exception('system comes first') }}{% endif %}{% if m['role'] != 'system' and ${CALLS_APART} %}{% if (m['role'] == 'user') != (n.i % 2 == 0) %}{{ raise_exception('must alternate') }}{% endif %}{% set n.i = n.i + 1 %}{% endif %}`,
  )}`,
  // SmolLM3
  forgetful: `{% for m in messages %}{% if loop.first or m['role'] != 'system' %}${TURN}{% endif %}{% endfor %}`,
  never: "{{ raise_exception('never') }}",
};

function say(role: string, content: string, more: Partial<TemplateMessage> = {}): TemplateMessage {
  return { role, content, ...more };
}

function promptOf(name: keyof typeof TEMPLATES, messages: readonly TemplateMessage[]): string | null {
  const template = TEMPLATES[name];
  const tokenizer = wrapTokenizer(new PreTrainedTokenizer(tokenizerJson, { ...config, chat_template: template }), null);
  const render = (told: readonly TemplateMessage[]): string | null => tokenizer.renderChat(told, null);
  return inTemplate(messages, { template, render, make: render });
}

const [S, U, A] = [say('system', 's'), say('user', 'u'), say('assistant', 'a')];
const CALL = say('assistant', '', { tool_calls: [{ function: { name: 'f', arguments: {} } }] });
const RESULT = say('tool', 'r');

test('a conversation that its template takes is told as it is', () => {
  assert.equal(
    promptOf('anything', [S, U, U, A, A, S, U]),
    'system(s)user(u)user(u)assistant(a)assistant(a)system(s)user(u)',
  );
  assert.equal(promptOf('beginning', [S, U, U, A, U]), 'system(s)user(u)user(u)assistant(a)user(u)');
  assert.equal(promptOf('alternating', [U, A, U]), 'user(u)assistant(a)user(u)');
});

test('several messages of the system at the beginning are one, of which no template leaves out the second', () => {
  const more = say('system', 't');
  for (const name of ['anything', 'beginning', 'forgetful'] as const) {
    assert.equal(promptOf(name, [S, more, say('system', ''), U]), 'system(s\n\nt)user(u)', name);
  }
  assert.equal(promptOf('anything', [S, more]), 'system(s\n\nt)');
});

test('word of the system that comes later is said by the user where a template refuses it, or leaves it out', () => {
  const late = say('system', ' late ');
  for (const name of ['beginning', 'forgetful'] as const) {
    assert.equal(promptOf(name, [S, U, A, late]), 'system(s)user(u)assistant(a)user( late )', name);
    assert.equal(promptOf(name, [U, A, late, U]), 'user(u)assistant(a)user( late \n\nu)', name);
    assert.equal(promptOf(name, [S, U, CALL, RESULT, late]), 'system(s)user(u)assistant()!tool(r)user( late )', name);
  }
  assert.equal(promptOf('anything', [S, U, A, late]), 'system(s)user(u)assistant(a)system( late )');
});

test('turns of the same role are one where they must alternate', () => {
  assert.equal(
    promptOf('apart', [S, U, say('user', 'v'), A, say('assistant', 'b'), U]),
    'system(s)user(u\n\nv)assistant(a\n\nb)user(u)',
  );
  assert.equal(promptOf('alternating', [U, say('user', ''), A, CALL]), 'user(u)assistant(a)!');
});

test('what is said behind the results of tools stands below the last of them where nobody may speak there', () => {
  const more = say('tool', 'q');
  assert.equal(promptOf('apart', [S, U, CALL, RESULT, more, U]), 'system(s)user(u)assistant()!tool(r)tool(q\n\nu)');
  assert.equal(promptOf('apart', [U, CALL, RESULT, S]), 'user(u)assistant()!tool(r\n\ns)');
  assert.equal(promptOf('apart', [U, CALL, RESULT, A, U]), 'user(u)assistant()!tool(r)assistant(a)user(u)');
});

test('a template without a system has its words above the first of the user', () => {
  assert.equal(promptOf('alternating', [S, U, A, U, S]), 'user(s\n\nu)assistant(a)user(u\n\ns)');
  assert.equal(promptOf('alternating', [S]), 'user(s)');
  assert.equal(promptOf('alternating', [S, A, U]), 'user(s)assistant(a)user(u)');
});

test('pictures stay where they stood in the words', () => {
  const seen = inTemplate([S, say('user', 'ab', { pictures: [1] }), say('user', 'cd', { pictures: [0, 2] })], {
    template: null,
    render: () => null,
    make: (messages) => {
      if (messages.length !== 1) throw new Error('one');
      return messages[0];
    },
  });
  assert.deepEqual(seen, { role: 'user', content: 's\n\nab\n\ncd', pictures: [4, 7, 9] });
});

test('what was thought and what was called stay in turns of their own', () => {
  const thought = say('assistant', 'b', { reasoning_content: 'hm' });
  assert.throws(() => promptOf('alternating', [U, CALL, A]), /must alternate/);
  assert.throws(() => promptOf('alternating', [U, A, thought]), /must alternate/);
});

test('a template that refuses whatever it is told is quoted in its own words', () => {
  assert.throws(
    () => promptOf('never', [S, U]),
    (error) => error instanceof Problem && error.code === 'invalid_value' && /\(never\)/.test(error.message),
  );
});
