import type { ElectronSurface, MenuTemplate, WebContentsSurface } from '../surface.ts';
import type { MainTexts } from '../tray/main-texts.ts';

/** Lets a person cut, copy and paste by mouse, such as the link that pairs; Electron shows pages no menu of its own. */
export function offerEditing(
  contents: WebContentsSurface,
  menu: ElectronSurface['Menu'],
  texts: () => MainTexts['edit'],
): void {
  contents.on('context-menu', (_event, { isEditable, selectionText, editFlags }) => {
    const { cut, copy, paste, selectAll } = texts();
    const hasText = selectionText.trim() !== '';
    const copies: MenuTemplate = { role: 'copy', label: copy, enabled: hasText && editFlags.canCopy };
    const edits: MenuTemplate[] = [
      { role: 'cut', label: cut, enabled: hasText && editFlags.canCut },
      copies,
      { role: 'paste', label: paste, enabled: editFlags.canPaste },
      { type: 'separator' },
      { role: 'selectAll', label: selectAll, enabled: editFlags.canSelectAll },
    ];
    if (isEditable) menu.buildFromTemplate(edits).popup();
    else if (hasText) menu.buildFromTemplate([copies]).popup();
  });
}
