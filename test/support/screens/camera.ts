import assert from 'node:assert/strict';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { TestContext } from 'node:test';
import type { Page, PageScreenshotOptions } from 'playwright-core';
import { ROOT } from '../command.ts';
import { comparePictures, smallPicture } from './compare-pictures.ts';
import { whileSteady } from './steady-page.ts';

export type Camera = {
  /** Takes the page in both sizes, light and dark, and leaves it in the first size and light. */
  shoot(page: Page, name: string): Promise<void>;
  /** As the page is now, once. */
  shootAsItIs(page: Page, name: string): Promise<void>;
  /** Throws a sentence when pictures differ from those that are kept, or keeps them when that is wanted. */
  develop(): void;
};

export type CameraOptions = {
  /** The folder of `test/screens`. */
  room: string;
  /** By the name that pictures of that size bear. */
  sizes: Readonly<Record<string, { width: number; height: number }>>;
  /** Live data: numbers and ids are replaced. */
  isLive?: boolean;
  fullPage?: boolean;
  /** What is never shown: secrets, and drawings of live data. */
  mask?: readonly string[];
};

const SCREENS = join(ROOT, 'test', 'screens');
/** Where pictures go that differ, each with what differs in red. */
const DIFFERING = join(ROOT, 'dist', 'screens');
const SURROUNDINGS = join(SCREENS, 'surroundings.json');
/** A line of text that moved by a pixel is more; the smoothing of one letter is less. */
const SHARE_TOLERANCE = 0.000_5;
/** Of live data a bar may be longer or a word another; what moves, appears or changes its colour is more. */
const LIVE_SHARE_TOLERANCE = 0.003;
const RENEW = 'npm run screens';

/** Whether pictures are to be kept anew instead of compared: `npm run screens` says so. */
const isRenewing = process.env.SPAREWATT_SCREENS === 'renew';

/**
 * A camera for one room of pictures, or undefined, with the test skipped by name, where fonts or Chromium are other ones than
 * those the pictures were taken with: then every line differs and none tells anything.
 */
export async function openCamera(t: TestContext, page: Page, options: CameraOptions): Promise<Camera | undefined> {
  const here = await surroundingsOf(page);
  if (isRenewing) {
    for (const name of kept(options.room)) rmSync(join(SCREENS, options.room, name));
    writeFileSync(SURROUNDINGS, `${JSON.stringify(here, null, 2)}\n`);
  } else {
    const there = existsSync(SURROUNDINGS) ? JSON.parse(readFileSync(SURROUNDINGS, 'utf8')) : undefined;
    if (JSON.stringify(there) !== JSON.stringify(here)) {
      t.skip(`NOT COMPARED HERE: pictures were taken with other fonts or another Chromium; "${RENEW}" takes them anew`);
      return undefined;
    }
  }
  return cameraOf(options);
}

function cameraOf({ room, sizes, isLive = false, fullPage = false, mask = [] }: CameraOptions): Camera {
  const folder = join(SCREENS, room);
  const differing = join(DIFFERING, room);
  rmSync(differing, { recursive: true, force: true });
  for (const path of [folder, differing]) mkdirSync(path, { recursive: true });
  const taken = new Set<string>();
  const wrong: string[] = [];

  const lookAt = (page: Page): Promise<Buffer> => {
    const options: PageScreenshotOptions = {
      animations: 'disabled',
      caret: 'hide',
      fullPage,
      mask: mask.map((selector) => page.locator(selector)),
      maskColor: '#999',
    };
    return isLive ? whileSteady(page, () => page.screenshot(options)) : page.screenshot(options);
  };
  const take = async (page: Page): Promise<Buffer> =>
    smallPicture(await (isLive ? lookAt(page) : whenSettled(() => lookAt(page))));
  const tolerance = isLive ? LIVE_SHARE_TOLERANCE : SHARE_TOLERANCE;
  // What comes right by itself within a few looks was on its way. Settling a page and making its picture small take most of a
  // second, and what looks right at once needs neither.
  const looksRight = async (page: Page, expected: Buffer): Promise<boolean> => {
    for (let look = 0; look < LOOKS_AT_WRONG; look++) {
      if ((await comparePictures(expected, await lookAt(page))).share <= tolerance) return true;
      await page.evaluate(SETTLED);
    }
    return false;
  };
  const check = async (name: string, expected: Buffer, actual: Buffer): Promise<void> => {
    const { share, where, picture } = await comparePictures(expected, actual);
    if (share <= tolerance) return;
    wrong.push(`${name} differs in ${(100 * share).toFixed(2)} % of its pixels, ${where}`);
    writeFileSync(join(differing, `${name}.png`), actual);
    writeFileSync(join(differing, `${name}.differs.png`), await picture());
  };
  const shootAsItIs = async (page: Page, name: string): Promise<void> => {
    const path = join(folder, `${name}.png`);
    taken.add(`${name}.png`);
    // Where it clicked last would look as if somebody pointed at it.
    await page.mouse.move(0, 0);
    if (isRenewing) return writeFileSync(path, await take(page));
    if (existsSync(path)) {
      const expected = readFileSync(path);
      if (!(await looksRight(page, expected))) await check(name, expected, await take(page));
      return;
    }
    wrong.push(`${name} is new`);
    writeFileSync(join(differing, `${name}.png`), await take(page));
  };

  return {
    shootAsItIs,
    shoot: async (page, name) => {
      for (const [size, viewport] of Object.entries(sizes).reverse()) {
        await page.setViewportSize(viewport);
        // Where the last size has left it scrolled to says nothing of the view.
        await page.evaluate('scrollTo(0, 0)');
        for (const colorScheme of ['dark', 'light'] as const) {
          await page.emulateMedia({ colorScheme });
          await page.evaluate(SETTLED);
          await shootAsItIs(page, `${name}-${size}-${colorScheme}`);
        }
      }
    },
    develop: () => {
      wrong.push(...kept(room).flatMap((name) => (taken.has(name) ? [] : [`${name} is kept, and nobody takes it`])));
      assert.deepEqual(wrong, [], explanation(room));
    },
  };
}

/** What a page still reads when it is first looked at comes within a few looks. */
async function whenSettled(shot: () => Promise<Buffer>): Promise<Buffer> {
  let last = await shot();
  for (let look = 1; look < MOST_LOOKS; look++) {
    const next = await shot();
    if (next.equals(last)) break;
    last = next;
  }
  return last;
}

function explanation(room: string): string {
  return (
    `Pictures of test/screens/${room} differ from how it looks now. Look at those in ${relative(ROOT, join(DIFFERING, room))}, ` +
    `where *.differs.png has the difference in red. If that is how it should look, run "${RENEW} -- ${room}" and commit the pictures.`
  );
}

function kept(room: string): string[] {
  return globSync('*.png', { cwd: join(SCREENS, room) }).sort();
}

const MOST_LOOKS = 10;
const LOOKS_AT_WRONG = 4;
/**
 * Layout after a change of size or theme, and what scripts do about it, are through by the second frame; colours are on their
 * way for longer.
 */
const SETTLED = `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))).then(() => Promise.all(
  document.getAnimations()
    .filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity)
    .map(({ finished }) => finished.catch(() => undefined)))).then(() => undefined)`;

/** What pictures depend on beside our pages: how wide the fonts of this machine write, and Chromium's version. */
async function surroundingsOf(page: Page): Promise<{ chromium: string; widths: string }> {
  const widths = await page.evaluate<string>(`(() => {
    const context = document.createElement('canvas').getContext('2d');
    const style = getComputedStyle(document.body);
    return [style.fontFamily, 'monospace', 'serif'].flatMap((family) => [400, 700].map((weight) => {
      context.font = weight + ' 100px ' + family;
      return Math.round(context.measureText('Sparewatt pauses quickly, 0123456789 é⏸').width);
    })).join(' ');
  })()`);
  const version = page.context().browser()?.version() ?? 'unknown';
  return { chromium: version.split('.')[0] ?? version, widths };
}
