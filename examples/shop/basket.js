// The basket and the customer, kept in the browser.
import { find } from './products.js'

const read = (key, fallback) => {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? fallback
  } catch {
    return fallback
  }
}
const write = (key, value) => localStorage.setItem(key, JSON.stringify(value))

/** Lines of the basket: product, colour and quantity. */
export const lines = () =>
  read('shop-basket', []).flatMap(line => {
    const product = find(line.id)
    return product ? [{ ...line, product }] : []
  })

const store = list => write('shop-basket', list.map(({ id, colour, quantity }) => ({ id, colour, quantity })))

export function add(id, colour, quantity) {
  const list = lines()
  const same = list.find(line => line.id === id && line.colour === colour)
  if (same) same.quantity += quantity
  else list.push({ id, colour, quantity })
  store(list)
}

export function remove(id, colour) {
  store(lines().filter(line => line.id !== id || line.colour !== colour))
}

export const empty = () => store([])
export const count = () => lines().reduce((sum, line) => sum + line.quantity, 0)
export const total = () => lines().reduce((sum, line) => sum + line.quantity * line.product.price, 0)

export const customer = () => read('shop-customer', null)
export const signIn = person => write('shop-customer', person)
export const signOut = () => localStorage.removeItem('shop-customer')
