import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planTool } from '../../../../main/headless/tools/tool-plan.ts';
import type { JsonInput } from '../../../../shared/protocol/messages.ts';
import { isProblem } from '../../../support/problems.ts';

const LIMITS = { threads: 2 };
const FILE = { file_id: 'file_1' };

function argsOf(service: string, input: JsonInput): readonly string[] {
  return planTool('ffmpeg', service, { ...FILE, ...input }, LIMITS).args;
}

/** What follows an option, for each time it stands there. */
function valuesOf(args: readonly string[], option: string): (string | undefined)[] {
  return args.flatMap((arg, index) => (arg === option ? [args[index + 1]] : []));
}

/** What every run is told besides, whatever is asked for. */
const MUZZLED = ['-max_pixels', '33177600', '-threads', '2', '-protocol_whitelist', 'file'];

test('ffmpeg is told what the input asks for', () => {
  const afterInput = (service: string, input: JsonInput): readonly string[] => {
    const args = argsOf(service, input);
    return args.slice(args.indexOf('-i') + 2);
  };
  const input = { container: 'mp4', video_codec: 'h264', width: 1280, video_bitrate_kbps: 900, audio_bitrate_kbps: 96 };
  assert.deepEqual(afterInput('ffmpeg/transcode', input), [
    ...['-map', '0:v:0?', '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-vf', 'scale=1280:-2', '-b:v', '900k'],
    ...['-map', '0:a:0?', '-c:a', 'aac', '-b:a', '96k', '-sn', '-dn', ...MUZZLED],
    ...['-movflags', '+faststart', '-f', 'mp4', '-n', 'file:out/result.mp4'],
  ]);
  assert.deepEqual(afterInput('ffmpeg/extract-audio', { codec: 'opus' }), [
    ...['-vn', '-map', '0:a:0', '-c:a', 'libopus', '-sn', '-dn', ...MUZZLED],
    ...['-f', 'ogg', '-n', 'file:out/result.ogg'],
  ]);
  assert.deepEqual(afterInput('ffmpeg/thumbnail', { at_s: 12.5, width: 640, format: 'png' }), [
    ...['-map', '0:v:0', '-an', '-frames:v', '1', '-vf', 'scale=640:-2', '-c:v', 'png', ...MUZZLED],
    ...['-update', '1', '-f', 'image2', '-n', 'file:out/result.png'],
  ]);
});

test('pictures and sound are left out, copied and made smaller as the input says', () => {
  const told = (input: JsonInput): Record<string, (string | undefined)[]> => {
    const args = argsOf('ffmpeg/transcode', { container: 'mp4', ...input });
    return { video: valuesOf(args, '-c:v'), size: valuesOf(args, '-vf'), audio: valuesOf(args, '-c:a') };
  };
  const usual = { video: ['libx264'], size: [], audio: ['aac'] };
  assert.deepEqual(told({}), usual);
  assert.deepEqual(told({ video_codec: 'none' }), { ...usual, video: [] });
  assert.deepEqual(told({ audio_codec: 'none' }), { ...usual, audio: [] });
  assert.deepEqual(told({ height: 720 }), { ...usual, size: ['scale=-2:720'] });
  assert.deepEqual(told({ video_codec: 'copy', audio_codec: 'copy' }), { video: ['copy'], size: [], audio: ['copy'] });
  const copied = argsOf('ffmpeg/transcode', { container: 'mp4', audio_codec: 'copy', audio_bitrate_kbps: 96 });
  assert.deepEqual(valuesOf(copied, '-b:a'), []);
});

test('of what ffmpeg leaves behind only the one file counts', () => {
  const { outputs, mostOutputs } = planTool('ffmpeg', 'ffmpeg/transcode', { ...FILE, container: 'mp4' }, LIMITS);
  assert.match('result.mp4', outputs);
  for (const name of ['result.mp4.sh', '-result.mp4', 'result_mp4', 'result.mkv']) assert.doesNotMatch(name, outputs);
  assert.equal(mostOutputs, 1);
});

test('every form of the service has arguments of its own', () => {
  const last = (container: string): string | undefined => argsOf('ffmpeg/transcode', { container }).at(-1);
  for (const container of ['mp4', 'webm', 'mkv', 'mp3', 'ogg', 'wav', 'flac']) {
    assert.equal(last(container), `file:out/result.${container}`);
  }
  assert.deepEqual(valuesOf(argsOf('ffmpeg/transcode', { container: 'wav' }), '-c:a'), ['pcm_s16le']);
  assert.ok(argsOf('ffmpeg/transcode', { container: 'mp3' }).includes('-vn'));
  assert.deepEqual(valuesOf(argsOf('ffmpeg/thumbnail', { at_s: 12.5 }), '-ss'), ['12.5']);
  assert.deepEqual(valuesOf(argsOf('ffmpeg/thumbnail', {}), '-ss'), ['0']);
  assert.equal(argsOf('ffmpeg/thumbnail', {}).at(-1), 'file:out/result.jpeg', 'the first choice is the usual one');
});

test('what a container does not hold is refused with its parameter', () => {
  const refused: [JsonInput, string][] = [
    [{ container: 'webm', video_codec: 'h264' }, 'video_codec'],
    [{ container: 'mp3', video_codec: 'h264' }, 'video_codec'],
    [{ container: 'mp3', video_codec: 'copy' }, 'video_codec'],
    [{ container: 'webm', audio_codec: 'aac' }, 'audio_codec'],
    [{ container: 'mp4', video_codec: 'copy', width: 320 }, 'video_codec'],
    [{ container: 'mp4', video_codec: 'copy', video_bitrate_kbps: 900 }, 'video_codec'],
    [{ container: 'mp4', video_codec: 'none', audio_codec: 'none' }, 'audio_codec'],
  ];
  for (const [input, param] of refused) {
    const isRefusal = isProblem('invalid_value', /./);
    assert.throws(
      () => argsOf('ffmpeg/transcode', input),
      (error) => isRefusal(error) && (error as { param?: string }).param === param,
    );
  }
});

test('input that the schema does not let through starts no program, whatever the relay let through', () => {
  const hostile: JsonInput[] = [
    { container: 'mp4', width: '320:-1,movie=/etc/passwd' },
    { container: 'mp4', width: 999_999 },
    { container: '../../x' },
    { container: 'mp4', video_codec: '-f' },
    { container: 'mp4', extra: ['-i', '/etc/passwd'] },
    { container: 'mp4', url: 'http://127.0.0.1/' },
    { container: 'mp4', video_bitrate_kbps: 1e300 },
  ];
  for (const input of hostile) {
    assert.throws(() => argsOf('ffmpeg/transcode', input), isProblem('invalid_value', /./), JSON.stringify(input));
  }
  assert.throws(() => argsOf('ffmpeg/nothing', {}), isProblem('service_not_runnable', /no way/));
  assert.throws(() => argsOf('constructor', {}), isProblem('service_not_runnable', /no way/));
  assert.throws(() => argsOf('blender/render', {}), isProblem('service_not_runnable', /no way/));
});

/** What keeps ffmpeg to the one file stands before it, or it would not count. */
function assertReadsOneFile(args: readonly string[]): void {
  assert.deepEqual(valuesOf(args, '-i'), ['file:in/input']);
  const before = args.slice(0, args.indexOf('-i'));
  assert.ok(before.includes('-nostdin'));
  assert.deepEqual(valuesOf(before, '-protocol_whitelist'), ['file']);
  assert.deepEqual(valuesOf(before, '-max_pixels'), ['33177600']);
  assert.deepEqual(valuesOf(before, '-threads'), ['2']);
  const [forms = ''] = valuesOf(before, '-format_whitelist');
  assert.ok(forms.split(',').includes('matroska'), forms);
  for (const form of ['hls', 'concat', 'dash', 'lavfi', 'image2', 'sdp', 'rtsp', 'imf']) {
    assert.ok(!forms.split(',').includes(form), form);
  }
}

test('every service reads the one file alone, in forms that name no others', () => {
  for (const service of ['ffmpeg/transcode', 'ffmpeg/extract-audio', 'ffmpeg/thumbnail']) {
    assertReadsOneFile(argsOf(service, {}));
  }
});

test('no value of a client becomes an option, a path or a protocol, whatever passes the schema', () => {
  const input = fc.record(
    {
      container: fc.constantFrom('mp4', 'webm', 'mkv', 'mp3', 'ogg', 'wav', 'flac'),
      video_codec: fc.constantFrom('h264', 'h265', 'vp9', 'av1', 'copy', 'none'),
      audio_codec: fc.constantFrom('aac', 'opus', 'mp3', 'flac', 'copy', 'none'),
      width: fc.integer({ min: 8, max: 3_840 }).map((half) => half * 2),
      video_bitrate_kbps: fc.integer({ min: 50, max: 200_000 }),
      file_id: fc.string({ minLength: 1, maxLength: 64 }),
      file_sha256: fc.string(),
    },
    { requiredKeys: ['container', 'file_id'] },
  );
  fc.assert(
    fc.property(input, (asked) => {
      let args: readonly string[];
      try {
        args = argsOf('ffmpeg/transcode', asked);
      } catch {
        return;
      }
      assertReadsOneFile(args);
      assert.match(args.at(-1) ?? '', /^file:out\/result\.[a-z0-9]+$/);
      assert.equal(args.filter((arg) => arg.includes('/')).length, 2, 'no path but that of the input and the output');
    }),
  );
});
