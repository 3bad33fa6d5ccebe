import type { ApiKeyList } from '../../../shared/api/keys.ts';
import { useAsked } from '../asked.ts';
import { useApi } from '../surroundings.ts';

/** What people call a key, or its id where it has none or is not known yet. Asks where `isWanted`. */
export function useKeyNames(isWanted = true): (id: string) => string {
  const api = useApi();
  const { answer } = useAsked(`names ${isWanted}`, async () =>
    isWanted ? (await api.get<ApiKeyList>('/v1/admin/keys')).data : [],
  );
  const names = new Map(answer?.map(({ id, name }) => [id, name]));
  return (id) => names.get(id) ?? id;
}

/** A key by its name, which another may have, too, and by its id. */
export function KeyName({ id, nameOf }: { id: string; nameOf(id: string): string }) {
  const name = nameOf(id);
  if (name === id) return <span className="code">{id}</span>;
  return (
    <>
      {name}
      <span className="sub code quiet">{id}</span>
    </>
  );
}
