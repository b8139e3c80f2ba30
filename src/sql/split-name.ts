export const splitName = (text: string): string[] => text.toLowerCase().split(/[^\w$\u0080-\uffff]+/)
