/** What is wrong with the bytes of a file that `readText` takes for no text, and what to do: the end of a sentence. */
export const NOT_UTF8 = 'it is not UTF-8, as what Windows PowerShell writes with ">" is not. Save it as UTF-8';

/** What a link leads to that leads nowhere, and what to do: the end of a sentence. */
export const LEADS_NOWHERE = 'it is a link to what is not there. Bring that back, or remove the link';

/** The text of a file, without the mark that editors of Windows put before it; undefined for bytes that are not UTF-8. */
export function readText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
