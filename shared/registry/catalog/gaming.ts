import { Type } from 'typebox';
import { defineServices, fileMembers, MODEL, MODELS, Optional, SAMPLING, Text, Whole } from './define.ts';

export const GAMING = defineServices('gaming', [
  {
    id: 'gaming/npc-dialogue',
    title: 'Words of a character',
    description: 'Lets a character of a game answer a player.',
    input: {
      ...SAMPLING,
      character: Text('Who it is, and how it speaks', 4_000),
      scene: Optional(Type.String({ maxLength: 4_000, default: 'nothing in particular happens' })),
      player: Text('What the player says', 4_000),
    },
    runtime: {
      type: 'llm',
      prompt: {
        system: 'You are this character of a game and never leave the role: {character}\nWhat happens: {scene}',
        user: '{player}',
      },
    },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [
      {
        input: { character: 'an old ferryman of few words', player: 'Can you take me across?' },
        output: { text: 'Two coins. Sit.', finish_reason: 'stop' },
      },
    ],
  },
  {
    id: 'gaming/generate-quest',
    title: 'Quest for a game',
    description: 'Thinks up a quest with its steps and its reward, as data that a game can read.',
    input: {
      ...SAMPLING,
      setting: Text('The world of the game', 4_000),
      level: Optional(Type.Integer({ minimum: 1, maximum: 100, default: 1 })),
    },
    output: {
      title: Type.String({ maxLength: 80 }),
      story: Type.String({ maxLength: 600 }),
      steps: Type.Array(Type.String({ maxLength: 200 }), { minItems: 1, maxItems: 6 }),
      reward_gold: Type.Integer({ minimum: 0, maximum: 10_000 }),
    },
    runtime: {
      type: 'llm',
      answer: 'json',
      prompt: { user: 'Think up a quest for a player of level {level} in this world: {setting}' },
    },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [
      {
        input: { setting: 'islands of mist', level: 3 },
        output: { title: 'The lost bell', story: 'A bell rings at sea.', steps: ['Find a boat.'], reward_gold: 50 },
      },
    ],
  },
  {
    id: 'gaming/moderate-chat',
    title: 'Verdict on a message of a player',
    description: 'Says what a message in the chat of a game is, so that the game can act.',
    input: { ...SAMPLING, message: Text('The message', 4_000) },
    output: { verdict: Type.Enum(['fine', 'insult', 'harassment', 'spam']) },
    runtime: {
      type: 'llm',
      answer: 'json',
      prompt: { user: 'Is this message in the chat of a game fine, an insult, harassment or spam?\n\n{message}' },
    },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [{ input: { message: 'good game, everyone' }, output: { verdict: 'fine' } }],
  },
  {
    id: 'gaming/voice-line',
    title: 'Spoken line of a character',
    description: 'Speaks one line of a character.',
    input: { ...MODEL, text: Text('What it says', 2_000), voice: Optional(Text('Voice of the model', 64)) },
    output: { audio: Type.String({ contentEncoding: 'base64' }), media_type: Type.String() },
    runtime: { type: 'tts' },
    default_model: MODELS.speech,
    price_unit: 'character',
    examples: [{ input: { text: 'Who goes there?' }, output: { audio: 'UklGRg==', media_type: 'audio/wav' } }],
  },
  {
    id: 'gaming/generate-texture',
    title: 'Texture for a game',
    description: 'Paints a texture for the surfaces of a game.',
    input: {
      ...MODEL,
      prompt: Text('What it shows', 2_000),
      width: Optional(Type.Enum([256, 512, 1_024], { default: 512 })),
      height: Optional(Type.Enum([256, 512, 1_024], { default: 512 })),
      seed: Optional(Type.Integer({ minimum: 0 })),
    },
    output: { image: Type.String({ contentEncoding: 'base64' }), media_type: Type.String() },
    runtime: { type: 'image' },
    requirements: { gpu_memory_bytes: 4 * 2 ** 30 },
    default_model: MODELS.image,
    price_unit: 'image',
    examples: [{ input: { prompt: 'mossy cobblestone, top view', width: 512, height: 512 } }],
  },
  {
    id: 'gaming/bake-lightmaps',
    title: 'Lightmaps of a level',
    description: 'Computes the light that falls on the surfaces of a level, once and for all.',
    input: {
      ...fileMembers('scene', 'The .blend file'),
      resolution: Optional(Type.Enum([512, 1_024, 2_048, 4_096], { default: 1_024 })),
      samples: Optional(Whole(1, 16_384, 'Rays per pixel')),
    },
    oneOf: ['scene', 'url'],
    output: { lightmaps: Type.Array(Type.String({ contentEncoding: 'base64' })), media_type: Type.String() },
    runtime: { type: 'blender-bake' },
    requirements: { tools: ['blender'], memory_bytes: 4 * 2 ** 30 },
    price_unit: 'gpu_second',
    examples: [{ input: { url: 'https://files.example/level.blend', resolution: 2_048 } }],
  },
]);
