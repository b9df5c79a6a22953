// Why an agent was chosen, as the server stores it in English, in the language of the page.
import { dateTime, duration } from '../lib/i18n.svelte';
import { t } from '../console/t';

const clauses: [RegExp, (m: RegExpExecArray) => string][] = [
  [/^claimed by hand$/, () => t('why.claimed')],
  [/^preferred agent$/, () => t('why.preferred')],
  [/^transferred by (\S+) to this agent$/, (m) => t('why.given', { name: m[1]! })],
  [/^transferred by (\S+)$/, (m) => t('why.transferred', { name: m[1]! })],
  [/^promoted past its deadline$/, () => t('why.late')],
  [/^skill (.+) (\d+)$/, (m) => t('why.skill', { skill: m[1]!, level: m[2]! })],
  [/^class ([012])$/, (m) => t('why.class', { name: t(`work.class.${Number(m[1]) as 0 | 1 | 2}`) })],
  [/^waited (-?\d+) s$/, (m) => t('why.waited', { time: duration(Number(m[1]) * 1000) })],
  [/^target (-?\d+) s$/, (m) => t('why.target', { time: duration(Number(m[1]) * 1000) })],
  [/^priority ([0123])$/, (m) => t('why.priority', { name: t(`priority.${Number(m[1]) as 0 | 1 | 2 | 3}`) })],
  [/^key (\d+)$/, (m) => t('why.key', { time: dateTime(new Date(Number(m[1])).toISOString()) })],
  [/^had it before a restart$/, () => t('why.again')],
  [/^rank (\d+)$/, (m) => t('why.rank', { rank: m[1]! })],
  [/^spread: load (\d+)$/, (m) => t('why.spread', { n: Number(m[1]) })],
  [/^packed: load (\d+)$/, (m) => t('why.load', { n: Number(m[1]) })],
  [/^last hour (\d+)$/, (m) => t('why.hour', { n: Number(m[1]) })],
  [/^longest idle: (\d+) s$/, (m) => t('why.idle', { time: duration(Number(m[1]) * 1000) })],
  [/^least occupied: (\d+) s$/, (m) => t('why.occupied', { time: duration(Number(m[1]) * 1000) })],
  [/^fewest calls: (\d+)$/, (m) => t('why.calls', { n: Number(m[1]) })],
  [/^round robin$/, () => t('why.turn')],
  [/^linear$/, () => t('why.linear')],
  [/^weighted random$/, () => t('why.random')],
  [/^most skilled: (\d+)$/, (m) => t('why.skilled', { level: m[1]! })],
  [/^ring all$/, () => t('why.all')],
  [/^progressive$/, () => t('why.progressive')],
  [/^interrupts text$/, () => t('why.interrupts')],
  [/^all others tried$/, () => t('why.tried')],
];

/** Why this agent, without the numbers of the key: for lists. */
export const whyAgent = (stored: string): string => whyText(stored.replace(/(class|waited|target|priority|key) -?\d+( s)?, /g, ''));

/** The clauses in words of the language; one that is not known stays as it is. */
export function whyText(stored: string): string {
  return stored
    .split(', ')
    .map((clause) => {
      for (const [form, words] of clauses) {
        const m = form.exec(clause);
        if (m) return words(m);
      }
      return clause;
    })
    .join(', ');
}
