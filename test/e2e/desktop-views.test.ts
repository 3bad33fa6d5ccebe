/** Every view of the window for every person: by keyboard alone, at twice the size, in the other language and other colours. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { VIEWS } from '../../renderer/ui/routes.ts';
import { EN } from '../../renderer/ui/texts/en.ts';
import { seriousBarriers } from '../support/join-page.ts';
import { buildPreloads, GOOD_CODE, openWindow, type Preloads, RELAY_URL, SETTLED } from '../support/window-page.ts';

/** The window as it opens, seen at 200 %: half as many CSS pixels. */
const ZOOMED = { width: 540, height: 380 };
/** Said of this machine or by the relay, or the same in both languages. */
const SHORT = 12;

let preloads: Preloads;
before(async () => {
  preloads = await buildPreloads();
});
after(() => preloads?.remove());

test('each view can be used by keyboard, at 200 %, in French, and in dark and forced colours', async (t) => {
  const { page, desktop, begin, faults } = await openWindow(t, preloads, {
    stored: SETTLED,
    hasTrayPlace: async () => false,
    updater: {
      feed: 'feed.example',
      look: async () => undefined,
      download: async () => undefined,
      install: () => undefined,
    },
  });
  await page.getByRole('button', { name: 'Skip the setup' }).click();
  await desktop.ask('pair', { invitation: GOOD_CODE, relayUrl: RELAY_URL });
  desktop.app.ledger.addDeparture({ at: Date.now(), kind: 'answer', to: 'relay.example:8080', sizeBytes: 5 });
  begin({ startedAt: Date.now() });
  const show = async (view: string): Promise<void> => {
    await page.locator(`.nav a[href="#/${view}"]`).click();
    await page.locator(`.nav a[href="#/${view}"][aria-current="page"]`).waitFor();
    await page.waitForLoadState('networkidle');
  };
  for (const view of VIEWS) {
    await show(view);
    assert.deepEqual(await unreached(page), [], `${view}: not reached by Tab`);
  }
  await page.getByLabel('Language').selectOption('fr');
  await page.setViewportSize(ZOOMED);
  await page.emulateMedia({ colorScheme: 'dark' });
  for (const view of VIEWS) {
    await show(view);
    assert.ok(await page.evaluate(FITS), `${view}: wider than the window at 200 %`);
    const said = await page.locator('body').innerText();
    assert.deepEqual(
      english().filter((text) => said.includes(text)),
      [],
      `${view}: English in French`,
    );
    assert.deepEqual(await seriousBarriers(page), [], view);
  }
  await page.emulateMedia({ forcedColors: 'active' });
  await show('preferences');
  assert.deepEqual(await seriousBarriers(page), []);
  assert.deepEqual(faults(), []);
});

const FITS = 'document.scrollingElement.scrollWidth <= innerWidth';

/** Presses Tab through the whole page, and says what can be used and was never reached; a list of tabs hands the focus to a tab. */
async function unreached(page: Page): Promise<string[]> {
  const count = await page.evaluate<number>(`(() => {
    globalThis.usable = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]:not([role="tablist"])')]
      .filter((element) => !element.disabled && element.tabIndex >= 0 && element.checkVisibility());
    globalThis.reached = new Set();
    document.activeElement?.blur();
    scrollTo(0, 0);
    return usable.length;
  })()`);
  for (let press = 0; press < count + 3; press++) {
    await page.keyboard.press('Tab');
    await page.evaluate('void reached.add(document.activeElement)');
  }
  return page.evaluate(
    'usable.filter((element) => element.isConnected && !reached.has(element)).map((element) => element.outerHTML.slice(0, 120))',
  );
}

/** Sentences of the English texts, long enough to be nothing else. */
function english(texts: unknown = EN): string[] {
  if (typeof texts === 'string') return texts.length >= SHORT && texts.includes(' ') ? [texts] : [];
  return typeof texts === 'object' && texts !== null ? Object.values(texts).flatMap(english) : [];
}
