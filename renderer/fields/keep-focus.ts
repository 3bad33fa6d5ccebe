/**
 * Keeps the place of whoever uses a page by keyboard or ear: browsers let the focus fall to the page's beginning when what has it
 * goes or is disabled, as a button does that has been pressed.
 *
 * 1. What is disabled for a while gets the focus back; what has gone, or stood in a dialog that was closed, leaves it to what
 *    is nearest: what opened the dialog, what scrolls around it, or the heading above it.
 * 2. Whoever has moved on, or pointed elsewhere, is left alone, and nothing scrolls.
 */
export function keepFocus(): void {
  let inDialog: readonly Element[] = [];
  let outside: readonly Element[] = [];
  document.addEventListener('pointerdown', () => {
    inDialog = [];
    outside = [];
  });
  document.addEventListener('focusin', ({ target }) => {
    if (!(target instanceof Element)) return;
    const dialog = target.closest('dialog');
    inDialog = dialog === null ? [] : ancestorsOf(target).filter((element) => dialog.contains(element));
    if (dialog === null) outside = ancestorsOf(target);
  });
  const look = (): void => {
    if (document.activeElement === document.body) focusFirst([...inDialog, ...outside]);
  };
  const attributeFilter = ['disabled', 'hidden', 'open'];
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributeFilter });
}

const FOCUSABLE = 'a[href], button, input, select, textarea, summary, [tabindex]';

function focusFirst(path: readonly Element[]): void {
  for (const element of path) {
    if (!element.isConnected || !element.checkVisibility()) continue;
    // It may be enabled again in a moment.
    if (element.matches(':disabled')) return;
    const place = element.matches(FOCUSABLE) ? element : headingIn(element);
    if (!(place instanceof HTMLElement)) continue;
    place.focus({ preventScroll: true });
    return;
  }
}

function headingIn(element: Element): HTMLElement | undefined {
  if (!element.matches('section, main')) return undefined;
  const headings = [...element.querySelectorAll<HTMLElement>('h1, h2, h3')];
  // Not the title of a dialog that is closed: it would take the focus from what is to be pressed when that opens.
  const heading = headings.find((each) => each.checkVisibility());
  if (heading?.hasAttribute('tabindex') === false) heading.tabIndex = -1;
  return heading;
}

/** With itself, the nearest first. */
function ancestorsOf(element: Element): Element[] {
  const all: Element[] = [];
  for (let at: Element | null = element; at !== null && at !== document.body; at = at.parentElement) all.push(at);
  return all;
}
