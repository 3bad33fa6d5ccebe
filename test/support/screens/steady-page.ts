import type { Page } from 'playwright-core';

/**
 * While `shoot` runs, every number in the page is a 0 and every generated id has no random part, so that a picture of live data
 * differs only when the page does. What changes meanwhile is rewritten before it is painted; afterwards all is as it was.
 */
export async function whileSteady<Value>(page: Page, shoot: () => Promise<Value>): Promise<Value> {
  await page.evaluate(STEADY);
  try {
    return await shoot();
  } finally {
    await page.evaluate('globalThis.__endSteady()');
  }
}

const STEADY = `(() => {
  const originals = new Map();
  const isRandom = (word) => /[a-z][A-Z]|[A-Z]{2}[a-z]|[A-Z]\\d|\\d[A-Za-z]/.test(word);
  const steady = (text) => text
    .replace(/\\b(?:[0-9A-Z]{4}-){2}[0-9A-Z]{4}\\b/g, 'AAAA-AAAA-AAAA')
    .replace(/\\b(job|key|rcpt|code|dec|task|node)_[\\w-]{6,}/g, '$1_0')
    .replace(/\\b((?:attic|test|desk)(?:-tab|-\\d+)?)-[a-z0-9]{10}\\b/g, '$1-0')
    .replace(/\\bsk-sparewatt-[\\w-]+/g, 'random')
    .replace(/[\\w+%-]{10,}/g, (word) => (isRandom(word) ? 'random' : word))
    .replace(/\\b[a-f0-9]{8,}\\b/g, 'random')
    .replace(/\\d+(?:[.,:]\\d+)*/g, '0')
    .replace(/\\b0 (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\\b/g, '0 Mon')
    .replace(/\\b0 (?:ms|s|kB|MB|GB|B)\\b/g, '0 u')
    .replace(/\\bjust now\\b|\\bnow\\b(?=$)|\\bin 0 \\w+\\.?|\\b0 \\w+\\.? ago\\b/g, '0 u ago');
  const settle = (node) => {
    const text = node.nodeValue ?? '';
    const wanted = steady(text);
    if (wanted === text) return;
    originals.set(node, { text, wanted });
    node.nodeValue = wanted;
  };
  const settleAll = (root) => {
    if (root.nodeType === Node.TEXT_NODE) return settle(root);
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) settle(node);
  };
  const values = new Map();
  for (const input of document.querySelectorAll('input')) {
    const wanted = steady(input.value);
    if (wanted === input.value) continue;
    values.set(input, input.value);
    input.value = wanted;
  }
  settleAll(document.body);
  // Its calls come before the next frame is painted.
  const observer = new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) {
      if (target.nodeType === Node.TEXT_NODE) settle(target);
      for (const node of addedNodes) settleAll(node);
    }
  });
  observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  globalThis.__endSteady = () => {
    observer.disconnect();
    for (const [input, value] of values) input.value = value;
    for (const [node, { text, wanted }] of originals) if (node.nodeValue === wanted) node.nodeValue = text;
  };
})()`;
