/**
 * The pictures of the prompts that are being read, by numbers that stand for their tokens.
 *
 * 1. A token of a picture has a number below zero of its own: equal for the same token of the same picture, told by its
 *    digest, and for no other. So whatever compares prompts by their numbers tells pictures apart.
 * 2. A picture is looked at when the first of its tokens is read, never before: a turn that follows one that was kept
 *    does not look at all.
 * 3. What was seen is held for as long as a prompt that shows it is open.
 */

/** One picture of a prompt: what it is known by, and how many tokens it is; `null` where all are as many. */
export type ShownPicture = { readonly digest: string; readonly tokens: number | null };

/** The embeddings of all tokens of a prompt's pictures, one after another; 16-bit floats as integers. */
export type Seen = { readonly values: Float32Array | Uint16Array; readonly width: number };

export type ShownPictures = {
  /**
   * The prompt with numbers for the tokens of its pictures, which are those equal to `mark`. `see` looks at all of them.
   * Throws when there are more or fewer of them than the pictures have.
   */
  open(prompt: { ids: readonly number[]; mark: number; pictures: readonly ShownPicture[]; see: () => Promise<Seen> }): {
    ids: number[];
    close(): void;
  };
  /** The embedding that a number below zero stands for. */
  embeddingOf(id: number): Promise<Float32Array | Uint16Array>;
};

type Viewer = { see(): Promise<Seen>; offset: number };

/** Of one picture; numbers stay exact for four billion pictures. */
const MOST_TOKENS = 2 ** 20;
/** A picture that was forgotten is taken for a new one, which costs a turn its head start. */
const MOST_KNOWN = 4_096;

export function createShownPictures(): ShownPictures {
  const known = new Map<string, number>();
  const viewers = new Map<number, Viewer[]>();
  let pictures = 0;

  function numberOf(digest: string): number {
    const number = known.get(digest) ?? pictures++;
    known.delete(digest);
    known.set(digest, number);
    const [oldest] = known.keys();
    if (known.size > MOST_KNOWN && oldest !== undefined) known.delete(oldest);
    return number;
  }

  return {
    open({ ids, mark, pictures: shown, see }) {
      const marks = ids.filter((id) => id === mark).length;
      const counts = shown.map(({ tokens }) => tokens ?? marks / shown.length);
      const offsets = counts.map((_, at) => counts.slice(0, at).reduce((sum, count) => sum + count, 0));
      const numbers = shown.map(({ digest }) => numberOf(digest));
      const tokens = counts.flatMap((count, at) =>
        Array.from({ length: count }, (_, token) => -1 - (numbers[at] ?? 0) * MOST_TOKENS - token),
      );
      if (tokens.length !== marks) throw new Error('The processor wrote another number of tokens than it told.');
      const once = onlyOnce(see);
      const own = offsets.map((offset): Viewer => ({ see: once, offset }));
      for (const [at, number] of numbers.entries()) {
        viewers.set(number, [...(viewers.get(number) ?? []), own[at] as Viewer]);
      }
      let next = 0;
      return {
        ids: ids.map((id) => (id === mark ? (tokens[next++] ?? id) : id)),
        close() {
          for (const number of numbers) {
            const others = viewers.get(number)?.filter((viewer) => !own.includes(viewer)) ?? [];
            if (others.length > 0) viewers.set(number, others);
            else viewers.delete(number);
          }
        },
      };
    },
    async embeddingOf(id) {
      const [viewer] = viewers.get(Math.floor((-1 - id) / MOST_TOKENS)) ?? [];
      if (viewer === undefined) throw new Error('A picture that is not shown any more.');
      const { values, width } = await viewer.see();
      const row = viewer.offset + ((-1 - id) % MOST_TOKENS);
      if ((row + 1) * width > values.length) throw new Error('The model sees fewer tokens than its processor wrote.');
      return values.subarray(row * width, (row + 1) * width);
    },
  };
}

function onlyOnce<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | null = null;
  return () => {
    made ??= make();
    return made;
  };
}
