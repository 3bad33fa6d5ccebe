import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readModelFacts } from '../../../shared/runtimes/transformers/model-facts.ts';

const LLAMA = { architectures: ['LlamaForCausalLM'], max_position_embeddings: 8_192, hidden_size: 576 };
const BERT = { architectures: ['BertModel'], max_position_embeddings: 512, hidden_size: 384 };

test('tells a language model and how much it reads', () => {
  assert.deepEqual(readModelFacts(LLAMA, {}), { type: 'llm', kind: null, contextLength: 8_192, dimensions: null });
  assert.equal(readModelFacts({ architectures: ['GPT2LMHeadModel'], n_positions: 1_024 }, {})?.contextLength, 1_024);
  const nested = { architectures: ['Gemma3ForCausalLM'], text_config: { max_position_embeddings: 32_768 } };
  assert.equal(readModelFacts(nested, {})?.contextLength, 32_768);
});

test('tells an encoder and the length of its vectors', () => {
  assert.deepEqual(readModelFacts(BERT, {}), { type: 'embed', kind: null, contextLength: 512, dimensions: 384 });
  assert.equal(readModelFacts({ architectures: ['DistilBertModel'], dim: 768 }, {})?.dimensions, 768);
});

test("takes the tokenizer's limit where it is lower and a limit at all", () => {
  assert.equal(readModelFacts(BERT, { model_max_length: 256 })?.contextLength, 256);
  assert.equal(readModelFacts(LLAMA, { model_max_length: 1e30 })?.contextLength, 8_192);
  assert.equal(
    readModelFacts({ architectures: ['LlamaForCausalLM'] }, { model_max_length: 1e30 })?.contextLength,
    2_048,
  );
});

test('knows what it cannot serve', () => {
  assert.equal(readModelFacts({ architectures: ['T5Model'], is_encoder_decoder: true }, {}), null);
  assert.equal(readModelFacts({ architectures: ['SpeechT5ForTextToSpeech'], is_encoder_decoder: true }, {}), null);
  assert.equal(readModelFacts({ architectures: ['VitPoseForPoseEstimation'] }, {}), null);
});
