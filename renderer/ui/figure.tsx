export type FigureProps = { name: string; value: string | null; unknown: string };

/** A number with its name; a dash where there is none that means something yet. */
export function Figure({ name, value, unknown }: FigureProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value ?? (
          <>
            <span aria-hidden="true">–</span>
            <span className="visually-hidden">{unknown}</span>
          </>
        )}
      </dd>
    </div>
  );
}
