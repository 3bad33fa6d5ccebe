import type { KeyPress, WebContentsSurface } from '../surface.ts';

/** As browsers have them. */
const FACTORS = [0.5, 0.67, 0.75, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3] as const;
/** A factor is kept as a power of 1.2, and comes back a little different. */
const TOLERANCE = 0.01;

type Step = 'in' | 'out' | 'reset';

/**
 * Lets a person enlarge a page as in a browser: Ctrl, on macOS Command, with plus, minus, nought or the wheel. Electron does so only
 * by items of an application menu, which this app does not have.
 */
export function letZoom(contents: WebContentsSurface, platform: NodeJS.Platform): void {
  const zoom = (step: Step): void => contents.setZoomFactor(nextFactor(contents.getZoomFactor(), step));
  contents.on('before-input-event', (event, input) => {
    const step = stepOf(input, platform);
    if (step === undefined) return;
    event.preventDefault();
    zoom(step);
  });
  contents.on('zoom-changed', (_event, direction) => zoom(direction));
}

/** By what is on the key, since keyboards have plus and minus in different places; nought stands beneath other signs on some. */
function stepOf({ type, key, code, control, meta, alt }: KeyPress, platform: NodeJS.Platform): Step | undefined {
  const isOurs = type === 'keyDown' && !alt && (platform === 'darwin' ? meta && !control : control && !meta);
  if (!isOurs) return undefined;
  if (key === '+' || key === '=') return 'in';
  if (key === '-' || key === '_') return 'out';
  return key === '0' || code === 'Digit0' || code === 'Numpad0' ? 'reset' : undefined;
}

/** The next of the factors, or the last one. Pure. */
export function nextFactor(factor: number, step: Step): number {
  if (step === 'reset') return 1;
  if (step === 'in') return FACTORS.find((each) => each > factor + TOLERANCE) ?? FACTORS[FACTORS.length - 1] ?? 1;
  return FACTORS.findLast((each) => each < factor - TOLERANCE) ?? FACTORS[0];
}
