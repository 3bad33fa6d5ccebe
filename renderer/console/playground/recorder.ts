import { useEffect, useRef, useState } from 'react';
import { OwnProblem } from '../api.ts';

/** Forms that every node can decode; a browser that has neither records in its own. */
const FORMS = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus'];
/** More than speech needs. */
const BITS_PER_S = 64_000;
const CHUNK_MS = 1_000;
/** A recording ends that long before it would be too large: the last piece comes after the end. */
const SPARE_BYTES = 256 * 1024;
/** What makes a voice pleasant to hear makes it harder to write down. */
const AS_IT_IS = { echoCancellation: false, noiseSuppression: false };

type RunningRecording = { stop(): void; discard(): void };
type RecordingOptions = { mostBytes: number; onEnd(file: File): void };

export type Recorder = {
  /** Unix milliseconds; null while nothing is recorded. */
  since: number | null;
  /** The browser asks its person whether it may. */
  isAsking: boolean;
  problem: Error | null;
  start(): void;
  stop(): void;
};

/** Records with the microphone until it is stopped, or `mostBytes` are full; leaving the page drops what was recorded. */
export function useRecorder({ mostBytes, onEnd }: RecordingOptions): Recorder {
  const [since, setSince] = useState<number | null>(null);
  const [isAsking, setAsking] = useState(false);
  const [problem, setProblem] = useState<Error | null>(null);
  const running = useRef<RunningRecording>(undefined);
  const isThere = useRef(true);
  useEffect(() => {
    isThere.current = true;
    return () => {
      isThere.current = false;
      running.current?.discard();
    };
  }, []);
  const ended = (file: File): void => {
    setSince(null);
    onEnd(file);
  };
  const begin = async (): Promise<void> => {
    const microphone = await openMicrophone();
    // Whoever has left is not listened to.
    if (!isThere.current) return release(microphone);
    running.current = record(microphone, { mostBytes, onEnd: ended });
    setSince(Date.now());
  };
  const start = (): void => {
    setAsking(true);
    setProblem(null);
    begin()
      .catch(setProblem)
      .finally(() => setAsking(false));
  };
  return { since, isAsking, problem, start, stop: () => running.current?.stop() };
}

async function openMicrophone(): Promise<MediaStream> {
  // Browsers leave it out on pages that came unprotected from another machine.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (devices === undefined) throw new OwnProblem(({ texts }) => texts.playground.microphoneNeedsHttps);
  try {
    return await devices.getUserMedia({ audio: AS_IT_IS });
  } catch (error) {
    const isRefused = error instanceof DOMException && error.name === 'NotAllowedError';
    throw new OwnProblem(({ texts: { playground } }) =>
      isRefused ? playground.microphoneRefused : playground.noMicrophone,
    );
  }
}

function record(microphone: MediaStream, { mostBytes, onEnd }: RecordingOptions): RunningRecording {
  const mimeType = FORMS.find((form) => MediaRecorder.isTypeSupported(form));
  const recorder = new MediaRecorder(microphone, {
    audioBitsPerSecond: BITS_PER_S,
    ...(mimeType === undefined ? {} : { mimeType }),
  });
  const chunks: Blob[] = [];
  let sizeBytes = 0;
  let isWanted = true;
  const stop = (): void => {
    if (recorder.state !== 'inactive') recorder.stop();
    release(microphone);
  };
  recorder.addEventListener('dataavailable', ({ data }) => {
    chunks.push(data);
    sizeBytes += data.size;
    if (sizeBytes > mostBytes - SPARE_BYTES) stop();
  });
  // Also when the microphone is pulled out.
  recorder.addEventListener('stop', () => {
    release(microphone);
    if (isWanted) onEnd(new File(chunks, `recording.${endingOf(recorder.mimeType)}`, { type: recorder.mimeType }));
  });
  recorder.start(CHUNK_MS);
  return {
    stop,
    discard: () => {
      isWanted = false;
      stop();
    },
  };
}

function release(microphone: MediaStream): void {
  for (const track of microphone.getTracks()) track.stop();
}

/** `webm` of `audio/webm;codecs=opus`. */
function endingOf(mimeType: string): string {
  return /^\w+\/(\w+)/.exec(mimeType)?.[1] ?? 'webm';
}
