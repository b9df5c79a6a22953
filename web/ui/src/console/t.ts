import { fill, language, translator } from '../lib/i18n.svelte';
import { en } from '../locales/en';
import { fr } from '../locales/fr';

export const t = translator<typeof en>({ en, fr });

/** The words of a value the server sent, such as a state; the value itself where we have none. */
export function term(group: string, value: string | null | undefined): string {
  if (!value) return '–';
  const dictionary: Record<string, string> = language.current === 'fr' ? fr : en;
  return fill(dictionary[`${group}.${value}`] ?? value.replaceAll('_', ' '));
}
