/** Words and numbers in the rater's language. The page brings the catalogue, so nothing is waited for. */

const language = document.documentElement.lang || "en";
/** @type {Record<string, string | Record<string, string>>} forms by plural category for messages with a number */
const catalogue = JSON.parse(document.getElementById("catalogue")?.textContent ?? "{}");
const plural = new Intl.PluralRules(language);
/** @type {Map<string, Intl.NumberFormat>} by decimals */
const formats = new Map();

/** @param {string} message in English @returns {string} */
export function gettext(message) {
  const found = catalogue[message];
  return typeof found === "string" ? found : message;
}

/**
 * The form that a number asks for.
 * @param {string} one in English
 * @param {string} many in English
 * @param {number} n
 * @returns {string}
 */
export function ngettext(one, many, n) {
  const found = catalogue[one];
  if (typeof found !== "object") return n === 1 ? one : many;
  return found[plural.select(n)] ?? found.other;
}

/**
 * Fill in a message: "%(slot)s" becomes the value of that name, and "%%" one percent sign.
 * @param {string} message
 * @param {Record<string, string | number>} values
 * @returns {string}
 */
export function interpolate(message, values) {
  return message.replace(/%(?:%|\((\w+)\)s)/g, (_, name) => (name ? String(values[name]) : "%"));
}

/**
 * A number as the language writes it, in Western digits as on the scale.
 * @param {number} value
 * @param {number} [least] decimals that are always shown
 * @param {number} [most] decimals that are shown where they are not zero
 * @returns {string}
 */
export function number(value, least = 0, most = least) {
  const key = `${least}-${most}`;
  let format = formats.get(key);
  if (!format) {
    const decimals = { minimumFractionDigits: least, maximumFractionDigits: most };
    format = new Intl.NumberFormat(`${language}-u-nu-latn`, { useGrouping: false, ...decimals });
    formats.set(key, format);
  }
  return format.format(value);
}
