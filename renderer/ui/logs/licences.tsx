import { useId, useState } from 'react';
import { useSpeech } from '../locale.ts';

/** What the build has written beside the pages. */
const FILE = '../licences.txt';

/** The licences of what the app holds of others; read when somebody wants to. */
export function Licences() {
  const { texts } = useSpeech();
  const words = texts.logs;
  const [text, setText] = useState<string>();
  const id = useId();
  const read = (): void => {
    fetch(FILE)
      .then((response) => (response.ok ? response.text() : Promise.reject(new Error(String(response.status)))))
      .then(setText, () => setText(words.noLicences));
  };
  return (
    <section className="card section" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{words.licences}</h2>
      <p>{words.licencesOf}</p>
      {text === undefined ? (
        <p className="actions">
          <button type="button" className="button" onClick={read}>
            {words.showLicences}
          </button>
        </p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        <pre className="log licences" tabIndex={0}>
          {text}
        </pre>
      )}
    </section>
  );
}
