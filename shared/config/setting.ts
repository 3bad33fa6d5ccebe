import type { TSchema } from 'typebox';

/** What is known of one setting beside its type: how it is given, and what a person is told of it. */
export type Setting = {
  /** What it does, without a full stop. */
  description: string;
  /** Ends the sentence "it must be …". */
  wanted: string;
  /** Its environment variable. A list is separated by commas there. */
  env: string;
  /** Its flag without dashes, where that is not the key with dashes instead of underscores. */
  flag?: string;
  /** Stands for the value in the help of its flag; a switch has none. */
  argument?: string;
  /** Never shown. */
  secret?: boolean;
  /** A path; in the file, relative to the folder of the file. */
  path?: boolean;
  /** What applies when nothing is given, where that is not a fixed value. */
  otherwise?: string;
  /** Reads an item of a list that stands as text; what it does not understand it gives back. */
  itemOfText?: (text: string) => unknown;
  /** What is wrong with a value that has parts, beginning with the part; undefined where it has none. */
  faultOf?: (value: unknown) => string | undefined;
  /** A value for documents. */
  example?: unknown;
};

/** To be spread into the options of a TypeBox row, so that the one schema carries all there is to say of a setting. */
export function described(setting: Setting): { description: string; setting: Setting } {
  return { description: setting.description, setting };
}

/** What `described` put into a row. A row without it is a fault. */
export function settingOf(key: string, row: TSchema): Setting {
  if (!('setting' in row)) throw new TypeError(`setting ${key} is not described`);
  return row.setting as Setting;
}

/** The flag of a setting without its dashes. */
export function flagOf(key: string, setting: Setting): string {
  return setting.flag ?? key.replaceAll('_', '-');
}
