/**
 * What is under way at this moment, each item behind its ticket. The ticket of an item that was removed is given again.
 *
 * Not a Map or a Set, because of how V8 renews their tables: an outgrown table points at its successor, so that one
 * that has grown old keeps alive all that follow it, and what is in them, until the next full collection. Where items
 * come and go by the thousand, all of them grow old that way: it was half the relay's garbage collection.
 */
export class InFlight<Item extends object> {
  readonly #items: (Item | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#items.length - this.#free.length;
  }

  add(item: Item): number {
    const ticket = this.#free.pop() ?? this.#items.length;
    this.#items[ticket] = item;
    return ticket;
  }

  get(ticket: number): Item | undefined {
    return this.#items[ticket];
  }

  /** May be called again: by then the ticket may be that of another item, which stays. */
  remove(ticket: number, item: Item): void {
    if (this.#items[ticket] !== item) return;
    this.#items[ticket] = undefined;
    this.#free.push(ticket);
  }

  /** In no particular order. */
  *[Symbol.iterator](): Iterator<Item> {
    for (const item of this.#items) if (item !== undefined) yield item;
  }
}
