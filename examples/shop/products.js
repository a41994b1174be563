// The goods of the demo shop. Prices are in euro; `art` names a drawing in art.js.
export const PRODUCTS = [
  { id: 'ridge-runner', sku: 'NM-1001', name: 'Ridge Runner trail shoes', category: 'Shoes', brand: 'Northmoor', price: 119, art: 'shoe', hue: 14,
    text: 'Light shoes with a deep tread for wet rock and long descents. 268 grams each.', colours: ['Ember', 'Moss', 'Slate'] },
  { id: 'fell-boots', sku: 'NM-1002', name: 'Fell waterproof boots', category: 'Shoes', brand: 'Northmoor', price: 179, art: 'boot', hue: 34,
    text: 'Ankle-high leather boots that keep dry for a day in the bog. Resoleable.', colours: ['Chestnut', 'Black'] },
  { id: 'squall-shell', sku: 'NM-2001', name: 'Squall shell jacket', category: 'Clothing', brand: 'Northmoor', price: 229, art: 'jacket', hue: 205,
    text: 'Three layers, taped seams and a hood that turns with your head.', colours: ['Lake', 'Rust', 'Night'] },
  { id: 'merino-base', sku: 'NM-2002', name: 'Merino base layer', category: 'Clothing', brand: 'Fold & Fell', price: 69, art: 'shirt', hue: 340,
    text: 'Warm when damp, fresh after three days. 190 g merino from small farms.', colours: ['Berry', 'Oat'] },
  { id: 'tarn-35', sku: 'NM-3001', name: 'Tarn 35 backpack', category: 'Equipment', brand: 'Northmoor', price: 149, art: 'pack', hue: 160,
    text: 'Thirty-five litres, a frame that carries, and a pocket you can reach while walking.', colours: ['Pine', 'Clay'] },
  { id: 'lodge-tent', sku: 'NM-3002', name: 'Lodge two-person tent', category: 'Equipment', brand: 'Campwright', price: 349, art: 'tent', hue: 45,
    text: 'Stands in four minutes, weighs 1.7 kilograms, and has a porch for the boots.', colours: ['Sun', 'Sage'] },
  { id: 'beacon-lamp', sku: 'NM-4001', name: 'Beacon head lamp', category: 'Equipment', brand: 'Campwright', price: 54, art: 'lamp', hue: 265,
    text: 'Four hundred lumens, charged by USB, with a red light that spares your neighbours.', colours: ['Violet', 'Grey'] },
  { id: 'enamel-mug', sku: 'NM-5001', name: 'Enamel camp mug', category: 'Kitchen', brand: 'Fold & Fell', price: 14.5, art: 'mug', hue: 188,
    text: 'It chips, it dents, it lasts. Half a litre.', colours: ['Cream', 'Teal'] },
  { id: 'steel-bottle', sku: 'NM-5002', name: 'Steel bottle 0.75 l', category: 'Kitchen', brand: 'Fold & Fell', price: 29, art: 'bottle', hue: 222,
    text: 'Keeps tea hot until the hut and water cold until the summit.', colours: ['Blue', 'Steel'] },
]

export const CATEGORIES = [...new Set(PRODUCTS.map(product => product.category))]

export const find = id => PRODUCTS.find(product => product.id === id) ?? null

export const euro = value => new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' }).format(value)
