import { Problem } from '../../../shared/problems/problem.ts';
import type { Planner, ToolInput, ToolPlan } from './tool-plan.ts';

/**
 * Forms of files that hold all they need. Playlists, concatenations, manifests and devices are not among them: they are
 * ways to have ffmpeg open something else.
 */
const READABLE = [
  ...['mov', 'mp4', 'matroska', 'webm', 'avi', 'mpeg', 'mpegts', 'mpegvideo', 'flv', 'asf', 'ogg', 'm4v', 'mxf', 'gif'],
  ...['wav', 'w64', 'aiff', 'caf', 'flac', 'mp3', 'aac', 'ac3', 'eac3', 'amr', 'au', 'h264', 'hevc', 'ivf', 'obu'],
  ...['png_pipe', 'jpeg_pipe', 'webp_pipe', 'bmp_pipe', 'tiff_pipe'],
].join(',');

/** 8K, the largest that the service writes: a header of a few bytes can claim any size. */
const MOST_PIXELS = 7_680 * 4_320;

const VIDEO_CODECS: Readonly<Record<string, readonly string[]>> = {
  h264: ['libx264', '-pix_fmt', 'yuv420p'],
  h265: ['libx265', '-pix_fmt', 'yuv420p', '-x265-params', 'log-level=error'],
  vp9: ['libvpx-vp9', '-row-mt', '1'],
  av1: ['libaom-av1', '-cpu-used', '6'],
  copy: ['copy'],
};
const AUDIO_CODECS: Readonly<Record<string, string>> = {
  aac: 'aac',
  opus: 'libopus',
  mp3: 'libmp3lame',
  flac: 'flac',
  pcm: 'pcm_s16le',
  copy: 'copy',
};

type Container = {
  muxer: string;
  mediaType: string;
  /** The first is taken where none is asked for; a container without one has no pictures. */
  video: readonly string[];
  audio: readonly string[];
  more?: readonly string[];
};

const CONTAINERS: Readonly<Record<string, Container>> = {
  mp4: {
    muxer: 'mp4',
    mediaType: 'video/mp4',
    video: ['h264', 'h265', 'av1', 'vp9'],
    audio: ['aac', 'mp3', 'opus', 'flac'],
    more: ['-movflags', '+faststart'],
  },
  webm: { muxer: 'webm', mediaType: 'video/webm', video: ['vp9', 'av1'], audio: ['opus'] },
  mkv: {
    muxer: 'matroska',
    mediaType: 'video/x-matroska',
    video: ['h264', 'h265', 'vp9', 'av1'],
    audio: ['aac', 'opus', 'mp3', 'flac'],
  },
  mp3: { muxer: 'mp3', mediaType: 'audio/mpeg', video: [], audio: ['mp3'] },
  ogg: { muxer: 'ogg', mediaType: 'audio/ogg', video: [], audio: ['opus', 'flac'] },
  wav: { muxer: 'wav', mediaType: 'audio/wav', video: [], audio: ['pcm'] },
  flac: { muxer: 'flac', mediaType: 'audio/flac', video: [], audio: ['flac'] },
};

const AUDIO_CONTAINERS: Readonly<Record<string, string>> = { mp3: 'mp3', opus: 'ogg', flac: 'flac', wav: 'wav' };
const PICTURES: Readonly<Record<string, { codec: readonly string[]; mediaType: string }>> = {
  jpeg: { codec: ['mjpeg', '-q:v', '3', '-pix_fmt', 'yuvj420p'], mediaType: 'image/jpeg' },
  png: { codec: ['png'], mediaType: 'image/png' },
  webp: { codec: ['libwebp'], mediaType: 'image/webp' },
};

/** Of `ffmpeg/transcode`. Errors: `invalid_value` for a codec that the container does not hold. */
export const planTranscode: Planner = (input, { threads }) => {
  const name = String(input.container);
  const container = CONTAINERS[name];
  if (container === undefined) throw unfit('container', `There is no container ${name}.`);
  const video = videoArguments(input, name, container);
  const audio = audioArguments(input, name, container);
  if (video[0] === '-vn' && audio[0] === '-an') throw unfit('audio_codec', 'Neither pictures nor sound would be left.');
  const { muxer, mediaType, more = [] } = container;
  const args = [...reading(threads), ...video, ...audio, '-sn', '-dn', ...writing(muxer, name, threads, more)];
  return planOf(args, name, mediaType, (stdout) => durationOf(stdout));
};

/** Of `ffmpeg/extract-audio`. */
export const planAudio: Planner = ({ codec }, { threads }) => {
  const name = AUDIO_CONTAINERS[String(codec)] ?? 'mp3';
  const { muxer, mediaType, audio } = CONTAINERS[name] as Container;
  const args = ['-vn', '-map', '0:a:0', '-c:a', AUDIO_CODECS[audio[0] ?? ''] ?? 'copy', '-sn', '-dn'];
  return planOf([...reading(threads), ...args, ...writing(muxer, name, threads)], name, mediaType, durationOf);
};

/** Of `ffmpeg/thumbnail`. */
export const planThumbnail: Planner = ({ at_s: at = 0, width, format }, { threads }) => {
  const name = String(format);
  const picture = PICTURES[name];
  if (picture === undefined) throw unfit('format', `There is no form ${name} of pictures.`);
  const scale = width === undefined ? [] : ['-vf', `scale=${whole(width)}:-2`];
  const one = ['-map', '0:v:0', '-an', '-frames:v', '1', ...scale, '-c:v', ...picture.codec];
  const args = [
    ...reading(threads, ['-ss', String(Number(at))]),
    ...one,
    ...writing('image2', name, threads, ['-update', '1']),
  ];
  return planOf(args, name, picture.mediaType, () => ({}));
};

function reading(threads: number, more: readonly string[] = []): string[] {
  return [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error', '-progress', 'pipe:1', '-nostats'],
    ...['-protocol_whitelist', 'file', '-format_whitelist', READABLE, '-max_pixels', String(MOST_PIXELS)],
    ...['-threads', String(threads), ...more, '-i', 'file:in/input'],
  ];
}

function writing(muxer: string, extension: string, threads: number, more: readonly string[] = []): string[] {
  const limits = ['-max_pixels', String(MOST_PIXELS), '-threads', String(threads), '-protocol_whitelist', 'file'];
  return [...limits, ...more, '-f', muxer, '-n', `file:out/result.${extension}`];
}

function videoArguments(input: ToolInput, name: string, { video }: Container): string[] {
  const { width, height, video_bitrate_kbps: bitrate } = input;
  const codec = input.video_codec ?? video[0] ?? 'none';
  if (codec === 'none') return ['-vn'];
  if (video.length === 0 || (codec !== 'copy' && !video.includes(String(codec)))) {
    throw unfit('video_codec', `A file of the form ${name} holds ${video.join(', ') || 'no pictures'}.`);
  }
  const isScaled = width !== undefined || height !== undefined;
  if (codec === 'copy' && (isScaled || bitrate !== undefined)) {
    throw unfit('video_codec', 'Pictures that are copied keep their size and bit rate.');
  }
  // -2: as the other side demands, and even, which most codecs need.
  const size = [width, height].map((side) => (side === undefined ? '-2' : whole(side))).join(':');
  return [
    ...['-map', '0:v:0?', '-c:v', ...(VIDEO_CODECS[codec] ?? [])],
    ...(isScaled ? ['-vf', `scale=${size}`] : []),
    ...(bitrate === undefined ? [] : ['-b:v', `${whole(bitrate)}k`]),
  ];
}

function audioArguments(input: ToolInput, name: string, { audio }: Container): string[] {
  const { audio_bitrate_kbps: bitrate } = input;
  const codec = String(input.audio_codec ?? audio[0]);
  if (codec === 'none') return ['-an'];
  if (codec !== 'copy' && !audio.includes(codec)) {
    throw unfit('audio_codec', `A file of the form ${name} holds ${audio.join(', ')}.`);
  }
  const rate = bitrate === undefined || codec === 'copy' ? [] : ['-b:a', `${whole(bitrate)}k`];
  return ['-map', '0:a:0?', '-c:a', AUDIO_CODECS[codec] ?? 'copy', ...rate];
}

function planOf(
  args: readonly string[],
  extension: string,
  mediaType: string,
  more: (stdout: string) => Record<string, unknown>,
): ToolPlan {
  return {
    args,
    inputName: 'input',
    outputs: new RegExp(`^result\\.${extension}$`),
    mostOutputs: 1,
    mediaType,
    output: ([file], stdout) => ({ file, media_type: mediaType, ...more(stdout) }),
  };
}

/** What ffmpeg says of its progress ends with how much it has written. */
function durationOf(stdout: string): { duration_s?: number } {
  const last = [...stdout.matchAll(/^out_time_us=(\d+)$/gm)].at(-1)?.[1];
  return last === undefined ? {} : { duration_s: Number(last) / 1_000_000 };
}

/** The schema has seen to it; what is no number must become no part of a filter all the same. */
function whole(value: string | number): string {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  throw new TypeError('not a whole number');
}

function unfit(param: string, sentence: string): Problem {
  return new Problem('invalid_value', sentence, { param });
}
