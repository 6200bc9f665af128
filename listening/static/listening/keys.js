/** What a key stands for, on whatever keyboard. */

/**
 * The letter, digit or sign of a key, in small letters. Where the keyboard writes other letters than Latin ones, it is
 * what stands there on a Latin keyboard; where digits want Shift, as in French, they do not here.
 * @param {KeyboardEvent} event
 * @returns {string}
 */
export function signOf(event) {
  const { key, code } = event;
  if (key.length !== 1) return key;
  if (/^[a-z0-9 ?]$/i.test(key)) return key.toLowerCase();
  return code.match(/^(?:Key([A-Z])|Digit(\d))$/)?.slice(1).find(Boolean)?.toLowerCase() ?? key;
}

/** @param {KeyboardEvent} event @returns {string | null} */
export function digitOf(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const sign = signOf(event);
  return /^\d$/.test(sign) ? sign : null;
}
