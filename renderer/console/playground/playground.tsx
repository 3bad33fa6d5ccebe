import { Content, List, Root, Trigger } from 'radix-ui/tabs';
import { type FunctionComponent, useRef, useState } from 'react';
import type { ModelList } from '../../../shared/api/models.ts';
import { useAsked, useSettled } from '../asked.ts';
import { Empty, Pending } from '../parts.tsx';
import { linkTo } from '../route.ts';
import { useSpeech } from '../speech.ts';
import { useApi, useLive } from '../surroundings.ts';
import type { Texts } from '../texts/texts.ts';
import type { PanelProps } from './asking.ts';
import { ChatPanel } from './chat-panel.tsx';
import { EmbeddingsPanel } from './embeddings-panel.tsx';
import { ImagePanel } from './image-panel.tsx';
import { RerankPanel } from './rerank-panel.tsx';
import { SpeechPanel } from './speech-panel.tsx';
import { TranscriptionPanel } from './transcription-panel.tsx';

/** In a busy pool each second brings other nodes, and few of them other models. */
const MODELS_AFTER_MS = 1_000;

type PanelName = keyof Texts['playground']['panels'];
type PanelKind = {
  name: PanelName;
  /** Any of these will do, the first of them best. */
  capabilities: readonly string[];
  Panel: FunctionComponent<PanelProps>;
};

const PANELS: readonly [PanelKind, ...PanelKind[]] = [
  { name: 'chat', capabilities: ['llm'], Panel: ChatPanel },
  { name: 'embeddings', capabilities: ['embed'], Panel: EmbeddingsPanel },
  // What turns texts into vectors ranks them by their nearness.
  { name: 'rerank', capabilities: ['rerank', 'embed'], Panel: RerankPanel },
  { name: 'image', capabilities: ['image'], Panel: ImagePanel },
  { name: 'speech', capabilities: ['tts'], Panel: SpeechPanel },
  { name: 'transcription', capabilities: ['stt'], Panel: TranscriptionPanel },
];

/** Asks a model and shows how to ask it from a program: a panel for each kind of work. */
export function Playground() {
  const words = useSpeech().texts.playground;
  const api = useApi();
  const { answer, problem, again } = useAsked('models', () => api.get<ModelList>('/v1/models'));
  useSettled(useLive().nodes, again, MODELS_AFTER_MS);
  const [shown, setShown] = useState<PanelName>(PANELS[0].name);
  const [apiKey, setKey] = useState('');
  // What is written or answered in a panel stays while another is looked at.
  const opened = useRef(new Set<PanelName>());
  opened.current.add(shown);
  if (answer === undefined) return <Pending problem={problem} />;
  return (
    <Root className="panels" value={shown} onValueChange={(name) => setShown(name as PanelName)}>
      <List className="tabs" aria-label={words.kinds}>
        {PANELS.map(({ name }) => (
          <Trigger key={name} value={name} className="tab">
            {words.panels[name].title}
          </Trigger>
        ))}
      </List>
      {PANELS.map((kind) => (
        <Content key={kind.name} value={kind.name} className="panels" forceMount hidden={kind.name !== shown}>
          {opened.current.has(kind.name) && (
            <ServedPanel {...kind} models={answer.data} apiKey={apiKey} onKey={setKey} />
          )}
        </Content>
      ))}
    </Root>
  );
}

type ServedPanelProps = PanelKind & Omit<PanelProps, 'models'> & { models: ModelList['data'] };

/** A panel with the models that can do its work, or what to start where there are none. */
function ServedPanel({ name, capabilities, Panel, models, ...key }: ServedPanelProps) {
  const words = useSpeech().texts.playground;
  const ofKind = capabilities.flatMap((one) => models.filter((model) => model.capabilities.includes(one)));
  const able = [...new Set(ofKind.map(({ id }) => id))];
  const wasServed = useRef(false);
  // What is written or answered stays when nodes are gone for a while.
  wasServed.current ||= able.length > 0;
  if (wasServed.current) return <Panel models={able} {...key} />;
  const { none, hint } = words.panels[name];
  return (
    <div className="card">
      <Empty title={none}>
        {hint} <a href={linkTo('pairing')}>{words.pairOne}</a>
      </Empty>
    </div>
  );
}
