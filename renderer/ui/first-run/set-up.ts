const SET_UP_KEY = 'sparewatt-set-up';

/** Whether the person has been through the first run, or past it. Of the window alone: nothing depends on it. */
export function isSetUp(): boolean {
  return localStorage.getItem(SET_UP_KEY) !== null;
}

export function noteSetUp(): void {
  localStorage.setItem(SET_UP_KEY, String(Date.now()));
}
