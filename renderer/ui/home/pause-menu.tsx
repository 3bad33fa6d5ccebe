import { DropdownMenu } from 'radix-ui';
import { PAUSE_LENGTHS, type PauseLength } from '../../../shared/preferences/wish.ts';
import { useSpeech } from '../locale.ts';

export type PauseMenuProps = { isPaused: boolean; onPause(length: PauseLength): void };

/** Not modal: a modal menu would lock scrolling by a style element, which the page's policy refuses. */
export function PauseMenu({ isPaused, onPause }: PauseMenuProps) {
  const { texts } = useSpeech();
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="button">
        {isPaused ? texts.home.pauseLonger : texts.home.pause}
        <span aria-hidden="true" className="caret" />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="start" sideOffset={4} collisionPadding={8}>
          {PAUSE_LENGTHS.map((length) => (
            <DropdownMenu.Item key={length} className="menu-item" onSelect={() => onPause(length)}>
              {texts.home.pauseFor[length]}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
