import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planTool } from '../../../../main/headless/tools/tool-plan.ts';
import { isProblem } from '../../../support/problems.ts';

const plan = (input: object) => planTool('blender', 'blender/render', { file_id: 'file_1', ...input }, { threads: 4 });

test('Blender is told what the input asks for, runs no script of the scene and reads no settings of its owner', () => {
  const { args, inputName, mostOutputs, mediaType, output } = plan({
    ...{ engine: 'cycles', first_frame: 3, last_frame: 5, width: 1920, height: 1080, samples: 128, format: 'exr' },
  });
  assert.deepEqual(args, [
    ...['--background', '--factory-startup', '--disable-autoexec', '-noaudio', '--threads', '4', 'in/scene.blend'],
    ...['--engine', 'CYCLES', '--render-format', 'OPEN_EXR', '--use-extension', '1'],
    ...['--render-output', '//../out/frame_######', '--python-expr'],
    'import bpy; s = bpy.context.scene; s.render.resolution_percentage = 100; s.render.resolution_x = 1920; ' +
      's.render.resolution_y = 1080; s.cycles.samples = 128; s.eevee.taa_render_samples = 128; ' +
      's.cycles.use_denoising = s.cycles.use_denoising and bool(s.cycles.denoiser)',
    ...['--frame-start', '3', '--frame-end', '5', '--render-anim'],
  ]);
  assert.deepEqual([inputName, mostOutputs, mediaType], ['scene.blend', 3, 'image/x-exr']);
  const frames = [1, 2, 3].map((n) => ({ file_id: `file_${n}`, sha256: 'a'.repeat(64), bytes: n }));
  assert.deepEqual(output(frames, ''), { frames, media_type: 'image/x-exr' });
});

test('a render of one frame has one, and only numbered frames count', () => {
  const { args, outputs, mostOutputs } = plan({ first_frame: 7 });
  assert.deepEqual(args.slice(-5), ['--frame-start', '7', '--frame-end', '7', '--render-anim']);
  assert.equal(mostOutputs, 1);
  assert.equal(plan({ first_frame: 1_000, last_frame: 1_249 }).mostOutputs, 250, 'wherever they lie');
  for (const name of ['frame_000007.png', 'frame_1000000.png']) assert.match(name, outputs);
  for (const name of ['frame_7.png', '-frame_000007.png', 'frame_000007.png.sh', 'x.png'])
    assert.doesNotMatch(name, outputs);
});

test('frames without an end, in the wrong order and what is no number render nothing', () => {
  const hostile = [
    { first_frame: 5, last_frame: 4 },
    { first_frame: 0, last_frame: 250 },
    { width: '1; import os' },
    { samples: 1.5 },
    { denoise: 'on; import os' },
    { engine: 'workbench' },
    { scene: 5 },
  ];
  for (const input of hostile) assert.throws(() => plan(input), isProblem('invalid_value', /./), JSON.stringify(input));
});

test('a denoiser is used or left out as the input says, whatever the scene says', () => {
  for (const [denoise, said] of [
    ['on', 's.cycles.use_denoising = True'],
    ['off', 's.cycles.use_denoising = False'],
  ] as const) {
    assert.ok(plan({ denoise }).args.some((argument) => argument.endsWith(said)));
  }
});
