// Languages without a reload: a typed dictionary, plurals by Intl.PluralRules,
// dates, times and numbers by Intl.

export type Lang = 'en' | 'fr';

type Params = Record<string, string | number>;

const KEY = 'pickup.lang';

function fromBrowser(): Lang {
  const stored = safeGet(KEY);
  if (stored === 'fr' || stored === 'en') return stored;
  return navigator.language.toLowerCase().startsWith('fr') ? 'fr' : 'en';
}

function safeGet(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

class Language {
  current = $state<Lang>(fromBrowser());

  /** Changes the language of the page and remembers the choice. */
  set(lang: Lang): void {
    this.current = lang;
    document.documentElement.lang = lang;
    try {
      localStorage.setItem(KEY, lang);
    } catch {
      // Storage is closed (private mode): the choice lasts for this page only.
    }
  }
}

export const language = new Language();
document.documentElement.lang = language.current;

/** Replaces {name} in text by params.name. */
export function fill(text: string, params?: Params): string {
  if (!params) return text;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

/** Text as its language sets it: in French no line begins with a sign that follows a space. */
export const set = (lang: Lang, text: string): string => (lang === 'fr' ? text.replace(/ (?=[:;?!»])/g, '\u00a0').replace(/« /g, '«\u00a0') : text);

/**
 * Makes the translator of a dictionary. A key "x" with a param n is looked up
 * as "x_one" or "x_other" first, by the plural rules of the language.
 */
export function translator<D extends Record<string, string>>(dictionaries: Record<Lang, Record<keyof D, string>>) {
  type Plural = { [K in keyof D & string]: K extends `${infer B}_other` ? B : never }[keyof D & string];
  type Key = (keyof D & string) | Plural;
  return function t(key: Key, params?: Params): string {
    const lang = language.current;
    const dictionary = dictionaries[lang] as Record<string, string>;
    let text: string | undefined;
    if (params && typeof params.n === 'number') {
      text = dictionary[`${key}_${new Intl.PluralRules(lang).select(params.n)}`] ?? dictionary[`${key}_other`];
    }
    return fill(set(lang, text ?? dictionary[key] ?? key), params);
  };
}

const locale = (): string => (language.current === 'fr' ? 'fr-FR' : 'en-GB');

/** A number as people of the language write it. */
export function number(n: number, digits = 0): string {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(n);
}

/** A share of 0 to 100 with its sign. */
export function percent(n: number): string {
  return new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 0 }).format(n / 100);
}

/** Time of day with seconds: 12:03:22. */
export function timeOfDay(at: Date | string | number): string {
  return new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(new Date(at));
}

/** Day and time; the day is left out when it is today. */
export function dateTime(at: Date | string | number | null | undefined): string {
  if (!at) return '–';
  const date = new Date(at);
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1971) return '–';
  if (date.toDateString() === new Date().toDateString()) return timeOfDay(date);
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'medium' }).format(date);
}

/** A duration in milliseconds as 0:07, 12:03 or 1:02:03. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  const total = Math.max(0, Math.floor(ms / 1000));
  const seconds = String(total % 60).padStart(2, '0');
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600);
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`;
}
