import { Problem } from '../../problems/problem.ts';

/** How browsers, Dawn, ONNX Runtime and drivers say that a GPU is gone. */
const SAYS_SO =
  /device (is|was|has been)? ?(lost|removed|hung|reset|destroyed)|DEVICE_(LOST|REMOVED|HUNG|RESET)|GPU (process )?(crash|context lost)|external Instance reference no longer exists/i;

/** How ONNX Runtime and drivers say, when a model is loaded, that there is none. */
const SAYS_MISSING =
  /failed to get a webgpu adapter|no supported adapters|couldn't load vulkan|no cuda-capable device|cuda driver version is insufficient|cudaErrorNoDevice|cudaErrorInsufficientDriver/i;

/** The problem of a GPU that went away while it worked, or that is not there any more; `null` for any other error. */
export function deviceProblem(error: unknown): Problem | null {
  if (!(error instanceof Error) || error instanceof Problem) return null;
  if (SAYS_MISSING.test(error.message)) return noDevice('its driver offers none', error);
  return SAYS_SO.test(error.message) ? lostProblem(error.message, error) : null;
}

/** `reason` is the driver's or the browser's own, for the owner's log. */
export function lostProblem(reason: string, cause: Error = new Error(reason)): Problem {
  return new Problem(
    'device_lost',
    'The GPU of the node went away while it worked: its driver was reset, or another program took it. The node starts anew by itself.',
    { cause },
  );
}

/** No GPU where one was expected: after a crash of its driver a browser may have none for a while. */
export function noDevice(why: string, cause?: Error): Problem {
  return new Problem(
    'device_missing',
    `The node has no GPU that it may compute on now: ${why}. It looks again with the next job.`,
    cause === undefined ? {} : { cause },
  );
}
