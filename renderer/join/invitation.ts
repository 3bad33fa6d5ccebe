/**
 * The code that a link to this page carries behind its `#`, which no server is told of: `/join#code=K7QF-2M9X-HB4T`.
 * Anybody can make such a link, so that it only fills in the form.
 */
export function codeOfFragment(fragment: string): string {
  const text = fragment.replace(/^#/, '');
  const code = new URLSearchParams(text).get('code') ?? '';
  return code.slice(0, 1_024);
}
