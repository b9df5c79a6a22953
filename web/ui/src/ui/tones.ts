// Which colour and icon stand for a state. Never alone: the word is always there.
import type { AgentState } from '../lib/model';
import type { IconName } from './Icon.svelte';

type Look = { tone: 'good' | 'warn' | 'bad' | 'plain' | 'accent'; icon?: IconName };

export function agentLook(state: AgentState): Look {
  switch (state) {
    case 'ready':
      return { tone: 'good', icon: 'check' };
    case 'reserved':
    case 'connecting':
    case 'dialing':
      return { tone: 'accent', icon: 'callback' };
    case 'talking':
    case 'holding':
    case 'consulting':
    case 'conference':
      return { tone: 'accent', icon: 'phone' };
    case 'wrap_up':
      return { tone: 'warn', icon: 'clock' };
    case 'not_ready':
      return { tone: 'warn', icon: 'pause' };
    case 'unreachable':
      return { tone: 'bad', icon: 'alert' };
    default:
      return { tone: 'plain' };
  }
}

export function callLook(state: string, reason: string | null): Look {
  if (state === 'waiting' || state === 'offered') return { tone: 'warn', icon: 'clock' };
  if (state === 'talking' || state === 'held') return { tone: 'accent', icon: 'phone' };
  if (state === 'lost') return { tone: 'bad', icon: 'alert' };
  if (state !== 'ended') return { tone: 'plain' };
  if (reason === 'answered' || reason === 'callback_done') return { tone: 'good', icon: 'check' };
  if (reason?.startsWith('abandoned') || reason?.startsWith('overflow') || reason === 'failed_system') return { tone: 'bad', icon: 'hangup' };
  return { tone: 'plain' };
}

export function ticketTone(state: string): Look['tone'] {
  if (state === 'new') return 'accent';
  if (state === 'open') return 'warn';
  return state === 'solved' || state === 'closed' ? 'good' : 'plain';
}

export function callbackTone(state: string): Look['tone'] {
  if (state === 'done' || state === 'connected') return 'good';
  if (state === 'failed' || state === 'expired') return 'bad';
  return state === 'cancelled' || state === 'superseded' ? 'plain' : 'accent';
}

const channels: Record<string, IconName> = { call: 'phone', callback: 'callback', chat: 'chat', email: 'mail', social: 'people', web_form: 'note', note: 'note', ticket: 'ticket' };
export const channelIcon = (channel: string): IconName => channels[channel] ?? 'ticket';

export function priorityTone(priority: number): Look {
  return priority >= 3 ? { tone: 'bad', icon: 'alert' } : priority === 2 ? { tone: 'warn', icon: 'alert' } : { tone: 'plain' };
}
