import { translator } from '../lib/i18n.svelte';
import { en } from '../locales/player.en';
import { fr } from '../locales/player.fr';

export const t = translator<typeof en>({ en, fr });
