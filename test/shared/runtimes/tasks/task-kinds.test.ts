import assert from 'node:assert/strict';
import { test } from 'node:test';
import { env, pipeline } from '@huggingface/transformers';
import { taskNamed } from '../../../../shared/protocol/task-names.ts';
import { readTaskKind, TASKS } from '../../../../shared/runtimes/transformers/tasks/task-kinds.ts';

/** Architectures as the configs of well-known models name them. */
const KNOWN = {
  WhisperForConditionalGeneration: ['stt', 'automatic-speech-recognition'],
  Wav2Vec2ForCTC: ['stt', 'automatic-speech-recognition'],
  VitsModel: ['tts', 'text-to-audio'],
  ASTForAudioClassification: ['task', 'audio-classification'],
  HubertForSequenceClassification: ['task', 'audio-classification'],
  DistilBertForSequenceClassification: ['task', 'text-classification'],
  MarianMTModel: ['task', 'text2text-generation', 'translation', 'summarization'],
  BartForConditionalGeneration: ['task', 'text2text-generation', 'translation', 'summarization'],
  SegformerForSemanticSegmentation: ['task', 'image-segmentation'],
  Owlv2ForObjectDetection: ['task', 'zero-shot-object-detection'],
  YolosForObjectDetection: ['task', 'object-detection'],
  SiglipModel: ['task', 'zero-shot-image-classification'],
  Dinov2Model: ['task', 'image-feature-extraction'],
  SmolVLMForConditionalGeneration: ['llm', 'image-text-to-text'],
  Idefics3ForConditionalGeneration: ['llm', 'image-text-to-text'],
  Qwen2_5_VLForConditionalGeneration: ['llm', 'image-text-to-text'],
  Gemma3ForConditionalGeneration: ['llm', 'image-text-to-text'],
  MultiModalityCausalLM: ['image', 'text-to-image'],
};

for (const [architecture, [type, ...tasks]] of Object.entries(KNOWN)) {
  test(`a ${architecture} does ${tasks.join(', ')}`, () => {
    const kind = readTaskKind({ architectures: [architecture] });
    assert.deepEqual([kind?.type, kind?.tasks], [type, tasks]);
  });
}

test('the labels of a classifier say what else it does', () => {
  const of = (...labels: string[]) =>
    readTaskKind({ architectures: ['BertForSequenceClassification'], id2label: { ...labels } })?.tasks;
  assert.deepEqual(of('LABEL_0'), ['text-classification', 'rerank']);
  assert.deepEqual(of('CONTRADICTION', 'NEUTRAL', 'ENTAILMENT'), ['text-classification', 'zero-shot-classification']);
  assert.deepEqual(of('good', 'bad'), ['text-classification']);
});

test('a reader of pictures answers questions where it was made for documents', () => {
  const of = (encoder: string) =>
    readTaskKind({ architectures: ['VisionEncoderDecoderModel'], encoder: { model_type: encoder } })?.tasks;
  assert.deepEqual(of('vit'), ['image-to-text']);
  assert.deepEqual(of('donut-swin'), ['image-to-text', 'document-question-answering']);
});

test('a text encoder fills gaps only where its owner says so', () => {
  const config = { architectures: ['BertForMaskedLM'] };
  assert.equal(readTaskKind(config), null);
  assert.deepEqual(readTaskKind(config, 'fill-mask')?.tasks, ['fill-mask']);
  assert.equal(readTaskKind({ architectures: ['LlamaForCausalLM'] }, 'fill-mask'), null);
});

env.allowRemoteModels = false;

test('every pipeline of the library is a task, a chat or an embedding, and so is each of its other names', async () => {
  const refused = await pipeline('no such task' as never, 'no/model').catch(({ message }: Error) => message);
  const all = /Must be one of \[(.*)\]/.exec(String(refused))?.[1]?.split(/, ?/) ?? [];
  assert.equal(all.length, 25);
  const others = ['text-generation', 'feature-extraction'];
  assert.deepEqual(all.filter((name) => !TASKS.some((task) => task === name)).sort(), others.sort());
  for (const name of ['sentiment-analysis', 'ner', 'asr', 'text-to-speech']) {
    // Whatever is a name of the library's fails later, for want of the model.
    await assert.rejects(pipeline(name as never, 'no/model'), (error: Error) => !/Must be one of/.test(error.message));
    assert.ok(TASKS.some((task) => task === taskNamed(name)));
  }
  assert.equal(taskNamed('constructor'), 'constructor');
});
