/** The sign of the application: three steps of one path. */
export function Logo({ size = 32 }: { size?: number }) {
  return <img src="/icon.svg" width={size} height={size} alt="" />
}
