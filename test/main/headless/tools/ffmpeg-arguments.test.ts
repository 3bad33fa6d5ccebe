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

test('ffmpeg is told what the input asks for', () => {
  const input = { container: 'mp4', video_codec: 'h264', width: 1280, video_bitrate_kbps: 900, audio_bitrate_kbps: 96 };
  const args = argsOf('ffmpeg/transcode', input);
  const inputAt = args.indexOf('-i');
  assert.deepEqual(args.slice(inputAt), [
    ...['-i', 'file:in/input', '-map', '0:v:0?', '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-vf', 'scale=1280:-2'],
    ...['-b:v', '900k', '-map', '0:a:0?', '-c:a', 'aac', '-b:a', '96k', '-sn', '-dn', '-max_pixels', '33177600'],
    ...[
      '-threads',
      '2',
      '-protocol_whitelist',
      'file',
      '-movflags',
      '+faststart',
      '-f',
      'mp4',
      '-n',
      'file:out/result.mp4',
    ],
  ]);
});

test('every form of the service has arguments of its own', () => {
  const last = (container: string): string | undefined => argsOf('ffmpeg/transcode', { container }).at(-1);
  for (const container of ['mp4', 'webm', 'mkv', 'mp3', 'ogg', 'wav', 'flac']) {
    assert.equal(last(container), `file:out/result.${container}`);
  }
  assert.deepEqual(valuesOf(argsOf('ffmpeg/transcode', { container: 'wav' }), '-c:a'), ['pcm_s16le']);
  assert.ok(argsOf('ffmpeg/transcode', { container: 'mp3' }).includes('-vn'));
  assert.deepEqual(valuesOf(argsOf('ffmpeg/extract-audio', { codec: 'opus' }), '-c:a'), ['libopus']);
  const still = argsOf('ffmpeg/thumbnail', { at_s: 12.5, width: 640, format: 'png' });
  assert.deepEqual([valuesOf(still, '-ss'), valuesOf(still, '-vf')], [['12.5'], ['scale=640:-2']]);
  assert.equal(argsOf('ffmpeg/thumbnail', {}).at(-1), 'file:out/result.jpeg', 'the first choice is the usual one');
});

test('what a container does not hold is refused with its parameter', () => {
  const refused: [JsonInput, string][] = [
    [{ container: 'webm', video_codec: 'h264' }, 'video_codec'],
    [{ container: 'mp3', video_codec: 'h264' }, 'video_codec'],
    [{ container: 'webm', audio_codec: 'aac' }, 'audio_codec'],
    [{ container: 'mp4', video_codec: 'copy', width: 320 }, 'video_codec'],
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
      assert.deepEqual(valuesOf(args, '-i'), ['file:in/input']);
      assert.deepEqual(valuesOf(args, '-protocol_whitelist'), ['file', 'file']);
      const [forms = ''] = valuesOf(args, '-format_whitelist');
      for (const form of ['hls', 'concat', 'dash', 'lavfi', 'image2', 'sdp', 'rtsp', 'imf']) {
        assert.ok(!forms?.split(',').includes(form), form);
      }
      assert.ok(args.indexOf('-format_whitelist') < args.indexOf('-i'));
      assert.match(args.at(-1) ?? '', /^file:out\/result\.[a-z0-9]+$/);
      assert.equal(args.filter((arg) => arg.includes('/')).length, 2, 'no path but that of the input and the output');
    }),
  );
});
