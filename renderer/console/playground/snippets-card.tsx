import { Content, List, Root, Trigger } from 'radix-ui/tabs';
import { Card, CopyButton } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { LANGUAGES, type ModelCall, snippetOf } from './snippets.ts';

/** The request of the playground as a program, in each language. */
export function Snippets({ call }: { call: ModelCall }) {
  const words = useSpeech().texts.playground;
  return (
    <Card title={words.snippets}>
      <Root defaultValue={LANGUAGES[0]}>
        <List className="tabs" aria-label={words.snippets}>
          {LANGUAGES.map((language) => (
            <Trigger key={language} value={language} className="tab">
              {language}
            </Trigger>
          ))}
        </List>
        {LANGUAGES.map((language) => {
          const snippet = snippetOf(language, call, location.origin);
          return (
            <Content key={language} value={language} className="snippet">
              <CopyButton text={snippet} label={words.copyAs(language)} />
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard */}
              <pre className="code-block" tabIndex={0}>
                {snippet}
              </pre>
            </Content>
          );
        })}
      </Root>
      <p className="hint">{words.keyLeftOut}</p>
    </Card>
  );
}
