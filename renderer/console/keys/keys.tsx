import { type RefObject, useEffect, useRef, useState } from 'react';
import type { ApiKey, ApiKeyList, CreatedKey } from '../../../shared/api/keys.ts';
import { useAsked, useSettled } from '../asked.ts';
import { Card, Empty, Pending, Trouble } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { useApi, useLive } from '../surroundings.ts';
import { ChangeKey } from './key-change.tsx';
import { KeyForm } from './key-form.tsx';
import { KeyList } from './key-list.tsx';
import { MadeKey } from './key-made.tsx';

/** The keys of clients: made here, shown once. */
export function Keys() {
  const words = useSpeech().texts.keys;
  const api = useApi();
  const { answer, problem, again } = useAsked('keys', () => api.get<ApiKeyList>('/v1/admin/keys'));
  const [made, setMade] = useState<CreatedKey>();
  const [changed, setChanged] = useState<ApiKey>();
  const form = useRef<HTMLDivElement>(null);
  // A session that ends leaves no secret behind in the page.
  useEffect(() => () => setMade(undefined), []);
  // When a key was last used is told, too.
  useSettled(useLive().jobs, again);
  const onMade = (key: CreatedKey): void => {
    setMade(key);
    again();
  };
  return (
    <>
      {made !== undefined && <MadeKey key={made.id} made={made} onSeen={() => setMade(undefined)} />}
      {changed !== undefined && (
        <ChangeKey
          key={changed.id}
          apiKey={changed}
          onDone={() => {
            setChanged(undefined);
            again();
          }}
        />
      )}
      {answer !== undefined && <Trouble problem={problem} />}
      <Card title={words.list} actions={<ToForm form={form} />}>
        {answer === undefined && <Pending problem={problem} />}
        {answer?.data.length === 0 && <Empty title={words.none}>{words.noneHint}</Empty>}
        {answer !== undefined && answer.data.length > 0 && (
          <KeyList keys={answer.data} onMade={onMade} onChange={setChanged} onChanged={again} />
        )}
      </Card>
      <div ref={form}>
        <KeyForm onMade={onMade} />
      </div>
    </>
  );
}

/** Below a list of forty keys a form would not be found. */
function ToForm({ form }: { form: RefObject<HTMLElement | null> }) {
  const words = useSpeech().texts.keys;
  return (
    <button
      type="button"
      className="button"
      data-size="small"
      onClick={() => form.current?.querySelector('input')?.focus()}
    >
      {words.make}
    </button>
  );
}
