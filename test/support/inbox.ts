/** What somebody sends, in the order of arrival; `next` waits for what has not come yet. */
export type Inbox<Item> = {
  push(item: Item): void;
  next(): Promise<Item>;
  /** Everything that ever came, taken or not. */
  readonly all: readonly Item[];
};

export function createInbox<Item>(): Inbox<Item> {
  const all: Item[] = [];
  const readers: ((item: Item) => void)[] = [];
  let taken = 0;
  return {
    all,
    push: (item) => {
      all.push(item);
      const reader = readers.shift();
      if (reader === undefined) return;
      taken += 1;
      reader(item);
    },
    next: () => {
      if (taken < all.length) return Promise.resolve(all[taken++] as Item);
      return new Promise((resolve) => readers.push(resolve));
    },
  };
}
