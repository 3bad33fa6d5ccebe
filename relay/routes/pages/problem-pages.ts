import { ADVICE } from '../../../shared/problems/advice.ts';
import { PROBLEMS, type ProblemCode, type Retry } from '../../../shared/problems/table.ts';

/** What the build makes of `renderer/problems`; before it, the page comes without a style. */
export const UNSTYLED = `<!doctype html>
<html lang="en">
  <meta charset="utf-8" />
  <meta name="viewport" content="width=device-width, initial-scale=1" />
  <meta name="color-scheme" content="light dark" />
  <title>Sparewatt problems</title>
  <main></main>
</html>
`;

const RETRY: Readonly<Record<Retry, string>> = {
  never: 'No: the same request fails again until something is changed.',
  later: 'Yes, the same request after a pause. Where the header Retry-After is sent, it says how long.',
  elsewhere: 'Yes: another node may do it. The relay has tried others where it could; ask again after a pause.',
};

/** The page of one problem, in the frame that the build leaves. */
export function problemPage(frame: string, code: ProblemCode): string {
  const { title, status, retry } = PROBLEMS[code];
  const facts = [
    ['What to do', escaped(ADVICE[code])],
    ['Try again?', escaped(RETRY[retry])],
    ['Code', `<code>${code}</code>`],
    ['HTTP status', String(status)],
  ].map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`);
  return framed(
    frame,
    `${title} (${code})`,
    `<h1>${escaped(title)}</h1><dl class="facts">${facts.join('')}</dl>` +
      '<p>The message of the error itself may say more.</p><p><a href="/problems">All problems</a></p>',
  );
}

/** The page that leads to all of them. */
export function problemsPage(frame: string): string {
  const rows = (Object.keys(PROBLEMS) as ProblemCode[])
    .sort()
    .map(
      (code) =>
        `<div><dt><a href="/problems/${code}"><code>${code}</code></a></dt><dd>${escaped(PROBLEMS[code].title)}</dd></div>`,
    );
  return framed(frame, 'Problems', `<h1>Problems</h1><dl class="facts">${rows.join('')}</dl>`);
}

function framed(frame: string, title: string, main: string): string {
  return frame
    .replace(/<title>.*<\/title>/, () => `<title>${escaped(title)} – Sparewatt</title>`)
    .replace('<main></main>', () => `<main>${main}</main>`);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
