import { useEffect, useId, useRef } from 'react';
import type { CreatedKey } from '../../../shared/api/keys.ts';
import type { ModelList } from '../../../shared/api/models.ts';
import { useAsked } from '../asked.ts';
import { CopyButton } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { useApi } from '../surroundings.ts';
import { callWithKey } from './key-call.ts';

/**
 * A key that was just made, which nobody can show again, with a call that works as it is. It stands above a list that may be
 * long, and whoever has made it at the end of that list is taken to it.
 */
export function MadeKey({ made, onSeen }: { made: CreatedKey; onSeen(): void }) {
  const words = useSpeech().texts.keys;
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <section className="card secret" aria-labelledby={id}>
      <h2 id={id} ref={heading} tabIndex={-1}>
        {words.madeTitle(made.name)}
      </h2>
      <p>{words.madeHint}</p>
      <Secret text={made.key} />
      {made.signing_secret !== undefined && (
        <>
          <p>{words.signingHint}</p>
          <Secret text={made.signing_secret} />
        </>
      )}
      <FirstCall made={made} />
      <button type="button" className="button" data-size="small" onClick={onSeen}>
        {words.seen}
      </button>
    </section>
  );
}

function Secret({ text }: { text: string }) {
  return (
    <p className="secret-line">
      <code>{text}</code>
      <CopyButton text={text} staysCopied />
    </p>
  );
}

/** Nothing before the models are known, for a key whose requests no line of a shell can sign, and while no node serves it. */
function FirstCall({ made }: { made: CreatedKey }) {
  const { texts } = useSpeech();
  const words = texts.keys;
  const api = useApi();
  const { answer, problem } = useAsked('models', () => api.get<ModelList>('/v1/models'));
  if (made.hmac) return <p className="hint">{words.callSigned}</p>;
  if (answer === undefined && problem === null) return null;
  const call = callWithKey(made, answer?.data ?? [], location.origin, texts.playground.example);
  if (call === undefined) return <p className="hint">{words.callNothing}</p>;
  return (
    <div className="snippet">
      <p>{words.call}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard */}
      <pre className="code-block" tabIndex={0}>
        {call}
      </pre>
      <CopyButton text={call} label={words.copyCall} staysCopied />
    </div>
  );
}
