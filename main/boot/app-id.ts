/** What the system knows the app by. On Windows the installer gives it to the shortcut; `build/desktop/builder-config.ts` says the same. */
export const APP_ID = 'example.sparewatt.node';
